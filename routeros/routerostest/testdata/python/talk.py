"""Talks to a simulated router with librouteros, and prints what it heard as JSON:
talk.py PORT TLS_PORT USER PASSWORD LOGIN, where LOGIN is plain or token."""
import json
import ssl
import sys

import librouteros
from librouteros.exceptions import FatalError, MultiTrapError, TrapError
from librouteros.query import And, Key, Or

port, tls_port, user, password, login = sys.argv[1:]
method = getattr(librouteros.login, login)
heard = {}


def refused(call):
    try:
        call()
    except (TrapError, MultiTrapError, FatalError) as err:
        return str(err)
    return "accepted"


def connect(secret, **more):
    return librouteros.connect("127.0.0.1", user, secret, login_method=method, timeout=20, **more)


heard["wrong_password"] = refused(lambda: connect("not " + password, port=int(port)))

tls = ssl.create_default_context()
tls.check_hostname = False
tls.verify_mode = ssl.CERT_NONE
api = connect(password, port=int(tls_port), ssl_wrapper=tls.wrap_socket)
heard["identity"] = list(api.path("system", "identity"))

name, kind, running = Key("name"), Key("type"), Key("running")
links = api.path("interface").select(name)
heard["one"] = [row["name"] for row in links.where(name == "bridge")]
heard["either"] = [row["name"] for row in links.where(Or(kind == "vlan", kind == "bridge"))]
heard["neither"] = [row["name"] for row in links.where(kind != "ether", kind != "vlan")]
heard["both"] = [row["name"] for row in links.where(And(kind == "ether", name == "ether9"))]

target = api.path("ip", "traffic-flow", "target")
added = target.add(**{"dst-address": "192.0.2.9", "port": 8787, "disabled": True})
target.update(**{".id": added, "version": "ipfix", "disabled": False})
heard["added"], heard["printed"] = added, list(target)
target.remove(added)
heard["removed"] = list(target)
heard["comment"] = refused(lambda: target.add(**{"dst-address": "192.0.2.9", "comment": "x"}))
heard["interface"] = refused(lambda: list(api("/ip/traffic-flow/set", interfaces="nowhere")))
heard["quit"] = refused(lambda: list(api("/quit")))
print(json.dumps(heard))
