package report

import "strconv"

// protocols are IANA's names of protocols that offices have.
var protocols = map[uint8]string{
	1: "icmp", 2: "igmp", 4: "ipip", 6: "tcp", 17: "udp", 41: "ipv6", 47: "gre", 50: "esp", 51: "ah", 58: "icmp6",
	89: "ospf", 103: "pim", 112: "vrrp", 115: "l2tp", 132: "sctp", 136: "udplite",
}

// services are IANA's names of ports that offices talk to, by the protocol that
// they are at home in.
var services = map[uint16]string{
	20: "ftp-data", 21: "ftp", 22: "ssh", 23: "telnet", 25: "smtp", 43: "whois", 53: "dns", 67: "dhcp", 69: "tftp",
	80: "http", 88: "kerberos", 110: "pop3", 119: "nntp", 123: "ntp", 137: "netbios-ns", 138: "netbios-dgm", 139: "netbios-ssn", 143: "imap",
	161: "snmp", 179: "bgp", 194: "irc", 389: "ldap", 443: "https", 445: "smb", 465: "smtps", 500: "ike", 514: "syslog", 515: "printer",
	554: "rtsp", 587: "submission", 631: "ipp", 636: "ldaps", 853: "dns-over-tls", 873: "rsync", 989: "ftps-data", 990: "ftps", 993: "imaps", 995: "pop3s",
	1080: "socks", 1194: "openvpn", 1433: "mssql", 1521: "oracle", 1701: "l2tp", 1723: "pptp", 1883: "mqtt", 1935: "rtmp", 2049: "nfs",
	3128: "squid", 3306: "mysql", 3389: "rdp", 3478: "stun", 4500: "ipsec-nat-t", 5060: "sip", 5061: "sips", 5222: "xmpp", 5228: "google-push",
	5353: "mdns", 5355: "llmnr", 5432: "postgresql", 5900: "vnc", 6379: "redis", 6667: "irc", 6881: "bittorrent", 8080: "http-alt", 8291: "winbox", 8443: "https-alt",
	8728: "routeros-api", 8729: "routeros-api-ssl", 9100: "jetdirect", 27017: "mongodb", 51820: "wireguard",
}

// serviceName writes https, quic, dns/tcp, udp/4433, icmp: no two services alike.
func serviceName(proto uint8, port uint16) string {
	name, known := protocols[proto]
	if !known {
		name = "ip/" + strconv.Itoa(int(proto))
	}
	if proto != 6 && proto != 17 && proto != 132 {
		return name
	}
	if proto == 17 && port == 443 {
		return "quic" // RFC 9114
	}
	service := services[port]
	switch {
	case service == "" || proto == 132:
		return name + "/" + strconv.Itoa(int(port))
	case (proto == 17) != overUDP[port]:
		return service + "/" + name // not the protocol that it is known for
	}
	return service
}

// overUDP are the services that are at home there.
var overUDP = map[uint16]bool{
	53: true, 67: true, 69: true, 123: true, 137: true, 138: true, 161: true, 500: true, 514: true, 1194: true, 1701: true, 3478: true,
	4500: true, 5060: true, 5353: true, 5355: true, 51820: true,
}
