// Talks to a simulated router with node-routeros, and prints what it heard as
// JSON: node talk.js PORT USER PASSWORD.
'use strict';
const { RouterOSAPI } = require('node-routeros');

const [port, user, password] = process.argv.slice(2);
const connection = (secret) => new RouterOSAPI({ host: '127.0.0.1', port: Number(port), user, password: secret, timeout: 20 });
const refused = (promise) => promise.then(() => 'accepted', (err) => err.message);

async function talk() {
    const heard = {};
    heard.wrongPassword = await refused(connection('not ' + password).connect());
    const api = connection(password);
    await api.connect();

    heard.identity = await api.write('/system/identity/print');
    heard.version = (await api.write('/system/resource/print', ['=.proplist=version']))[0].version;
    // Two at a time, told apart by their tags.
    const [bridges, links] = await Promise.all([
        api.write('/interface/print', ['?type=bridge', '=.proplist=.id,name']),
        api.write('/interface/print', ['?type=ether', '=.proplist=name']),
    ]);
    heard.bridges = bridges;
    heard.links = links.map((link) => link.name);

    const target = '/ip/traffic-flow/target';
    const changes = [];
    const listening = api.stream([target + '/listen'], (err, packet) => {
        if (!err && packet['.id']) changes.push(packet);
    });
    const added = await api.write(target + '/add', ['=dst-address=192.0.2.9', '=port=8787', '=v9-template-timeout=60']);
    heard.added = added;
    await api.write(target + '/set', ['=.id=' + added[0].ret, '=version=ipfix', '=disabled=yes']);
    heard.printed = await api.write(target + '/print');
    await api.write(target + '/remove', ['=.id=' + added[0].ret]);
    await listening.stop();
    heard.changes = changes.map((change) => change['.dead'] || change.version);

    heard.unknownParameter = await refused(api.write(target + '/add', ['=dst-address=192.0.2.9', '=comment=x']));
    heard.noSuchItem = await refused(api.write(target + '/remove', ['=.id=*77']));
    heard.noSuchCommand = await refused(api.write('/ip/traffic/print'));
    heard.long = (await api.write('/system/identity/set', ['=name=' + 'n'.repeat(20000)])).length;
    heard.longName = (await api.write('/system/identity/print'))[0].name.length;
    await api.close();
    return heard;
}

talk().then((heard) => console.log(JSON.stringify(heard)), (err) => {
    console.error(err);
    process.exit(1);
});
