# Carries connections from one socket to another, for Perl without any module beyond Debian's perl-base.
# `perl -e TEXT IN WHERE OUT TO…`:
#
#   unix PATH tcp HOST PORT USER   from a socket of this host to a database server elsewhere, for one account alone
#   tcp PORT unix PATH             from every address of this network to such a socket
#
# One process a connection, and 60 at most: what is more is closed at once. The end of one side is the end of both. A peer
# that is silently gone is noticed within a minute. For one account alone means: the server's offers of TLS and compression
# are withheld, since what is hidden cannot be checked; a login by another account is refused, and so is a command that could
# make the session another account's. Each is noted as a line `denied` on standard error.
use strict;
use Socket qw(:all);

my ($in, $where, $out, @to) = @ARGV;
my $user = $to[2];
my $most = 60;
$SIG{PIPE} = 'IGNORE';

# Bits of what a server or a client is capable of, in the lower and the upper half.
my %TLS = (lower => 0x0800);
my %COMPRESSION = (lower => 0x0020, upper => 0x0400);

# QUIT, INIT_DB, QUERY, FIELD_LIST, STATISTICS, PROCESS_KILL, PING, five of prepared statements, SET_OPTION, STMT_FETCH,
# RESET_CONNECTION, STMT_BULK_EXECUTE
my %COMMANDS = map { $_ => 1 } 1, 2, 3, 4, 9, 12, 14, 22 .. 26, 27, 28, 31, 250;

my $listener;
if ($in eq 'unix') {
    socket($listener, AF_UNIX, SOCK_STREAM, 0) or die "socket: $!\n";
    # Who may enter the folder may connect.
    umask 0;
    bind($listener, pack_sockaddr_un($where)) or die "$where: $!\n";
} elsif (socket($listener, AF_INET6, SOCK_STREAM, 0)
    && setsockopt($listener, IPPROTO_IPV6, IPV6_V6ONLY, 0)
    && setsockopt($listener, SOL_SOCKET, SO_REUSEADDR, 1)
    && bind($listener, pack_sockaddr_in6($where, IN6ADDR_ANY))) {
} else {
    socket($listener, AF_INET, SOCK_STREAM, 0) or die "socket: $!\n";
    setsockopt($listener, SOL_SOCKET, SO_REUSEADDR, 1);
    bind($listener, pack_sockaddr_in($where, INADDR_ANY)) or die "port $where: $!\n";
}
listen($listener, $most) or die "listen: $!\n";

my $carrying = 0;
while (1) {
    accept(my $near, $listener) or next;
    $carrying-- while $carrying > 0 && waitpid(-1, 1) > 0;
    if ($carrying < $most) {
        my $child = fork;
        if (defined $child && !$child) {
            close $listener;
            carry($near, reached());
            exit 0;
        }
        $carrying++ if $child;
    }
    close $near;
}

sub reached {
    if ($out eq 'unix') {
        socket(my $far, AF_UNIX, SOCK_STREAM, 0) or exit 1;
        connect($far, pack_sockaddr_un($to[0])) or exit 1;
        return $far;
    }
    my ($wrong, @addresses) = getaddrinfo($to[0], $to[1], { socktype => SOCK_STREAM });
    for my $address (@addresses) {
        socket(my $far, $address->{family}, SOCK_STREAM, 0) or next;
        # tcp(7): TCP_NODELAY, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_USER_TIMEOUT
        setsockopt($far, SOL_SOCKET, SO_KEEPALIVE, 1);
        setsockopt($far, IPPROTO_TCP, $_->[0], $_->[1]) for [1, 1], [4, 20], [5, 5], [6, 4], [18, 40000];
        return $far if connect($far, $address->{addr});
    }
    print STDERR "$to[0]:$to[1]: ", $wrong || $!, "\n";
    exit 1;
}

sub carry {
    my ($near, $far) = @_;
    my ($client, $server) = defined $user ? (from_client(), from_server()) : ();
    while (1) {
        my $waiting = '';
        vec($waiting, fileno $_, 1) = 1 for $near, $far;
        select($waiting, undef, undef, undef) > 0 or next;
        for my $way ([$near, $far, $client], [$far, $near, $server]) {
            my ($from, $to, $check) = @$way;
            next unless vec($waiting, fileno $from, 1);
            sysread($from, my $bytes, 65536) or return;
            ($bytes, my $refused) = $check->($bytes) if $check;
            for (my $sent = 0; $sent < length $bytes;) {
                $sent += syswrite($to, $bytes, length($bytes) - $sent, $sent) || return;
            }
            next unless $refused;
            print STDERR "denied\n";
            # An error as a server words it: number 1045, SQLSTATE 28000.
            syswrite($near, packet(2, "\xff\x15\x04#28000Access denied"));
            return;
        }
    }
}

# What follows knows of MySQL's protocol ("Client/Server Protocol" in the sources' documentation of MySQL and MariaDB): a
# packet is its length in three bytes, its number, and its bytes; the server begins with a greeting, the client answers with
# its login, and from then on every command is a packet of number 0 that begins with the command's own.

sub packet { my ($number, $bytes) = @_; return substr(pack('V', length $bytes), 0, 3) . chr($number) . $bytes }

sub size_of { return unpack 'V', substr($_[0], 0, 3) . "\0" }

# from_server: what goes on of the bytes that come; the greeting goes without the offers of TLS and compression
sub from_server {
    my ($held, $greeted) = ('', 0);
    return sub {
        return shift if $greeted;
        $held .= shift;
        return '' if length $held < 4 || length $held < 4 + size_of($held);
        $greeted = 1;
        # Version 10: the number of the version, its text, 4 bytes of the session, 8 of a challenge, 1 between; then what the
        # server is capable of, in two halves, with 3 bytes between them.
        if ($held =~ /^....\x0a[^\0]*\0.{13}/s) {
            my $at = $+[0];
            substr($held, $at, 2) = pack('v', unpack('v', substr($held, $at, 2)) & ~($TLS{lower} | $COMPRESSION{lower}));
            substr($held, $at + 5, 2) = pack('v', unpack('v', substr($held, $at + 5, 2)) & ~$COMPRESSION{upper});
        }
        return $held;
    };
}

# from_client: what goes on of the bytes that come, and whether the rest is refused
sub from_client {
    my ($held, $passing, $known) = ('', 0, 0);
    return sub {
        $held .= shift;
        my $passed = '';
        while (length $held) {
            if (!$passing) {
                last if length $held < 4;
                my $size = size_of($held);
                if (!$known) {
                    return ($passed, 1) if $size > 65535;
                    last if length $held < 4 + $size;
                    return ($passed, 1) unless is_login(substr($held, 4, $size));
                    $known = 1;
                } elsif ($size && substr($held, 3, 1) eq "\0") {
                    last if length $held < 5;
                    return ($passed, 1) unless $COMMANDS{ord substr($held, 4, 1)};
                }
                $passing = 4 + $size;
            }
            my $part = substr($held, 0, $passing, '');
            $passing -= length $part;
            $passed .= $part;
        }
        return ($passed, 0);
    };
}

# is_login LOGIN: whether it is by the account, in the protocol's present form, and neither hidden nor packed
sub is_login {
    my ($login) = @_;
    return 0 if length $login < 33;
    my $capabilities = unpack 'V', $login;
    return 0 if !($capabilities & 0x0200) || $capabilities & ($TLS{lower} | $COMPRESSION{lower} | $COMPRESSION{upper} << 16);
    my ($name) = substr($login, 32) =~ /^([^\0]*)\0/ or return 0;
    return $name eq $user;
}
