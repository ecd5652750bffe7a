"""SSH: connections to the hosts, the journal of detached steps, reading a checkout, tunnels."""
