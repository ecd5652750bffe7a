"""The demonstration: a host, a database and an application on this machine alone; also what the tests stand on."""
