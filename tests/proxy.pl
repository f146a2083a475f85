#!/usr/bin/perl
# A forward proxy on the loopback: proxy.pl DIR [BASE64]
#
# Takes absolute URLs and CONNECT, to the loopback only; with BASE64, from those only whose Proxy-Authorization is Basic BASE64 (else 407).
# Writes its port to DIR/port and the head of each request to DIR/proxy.log. It ends after 100 s.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my ($dir, $pair) = @ARGV;
my $server = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1', Proto => 'tcp')
    or die "proxy.pl: $@";
$SIG{CHLD} = $SIG{PIPE} = 'IGNORE';
$SIG{ALRM} = sub { exit };
alarm 100;

sub put {
	my ($file, $text) = @_;
	open my $f, '>>', "$dir/$file" or die "proxy.pl: $dir/$file: $!";
	print $f $text;
	close $f;
}

# Bytes both ways until one side ends.
sub join_both {
	my ($a, $b) = @_;
	my $s = IO::Select->new($a, $b);
	while (my @ready = $s->can_read(60)) {
		for my $from (@ready) {
			sysread($from, my $bytes, 65536) or return;
			my $to = $from == $a ? $b : $a;
			while (length $bytes) {
				my $n = syswrite($to, $bytes) or return;
				substr $bytes, 0, $n, '';
			}
		}
	}
}

sub serve {
	my $c = shift;
	my $head = '';
	while ($head !~ /\r\n\r\n/) {
		sysread($c, my $byte, 1) or return;
		$head .= $byte;
	}
	put('proxy.log', $head =~ s/\r//gr);
	if (defined $pair && $head !~ /^Proxy-Authorization: Basic \Q$pair\E\r$/mi) {
		print $c "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"p\"\r\n"
		    . "Content-Length: 0\r\nConnection: close\r\n\r\n";
		return;
	}
	my ($method, $host, $port) = $head =~ m{^(\S+) (?:http://)?([^/: ]+):?(\d*)};
	my $there = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port || 80, Proto => 'tcp');
	if (!$there) {
		print $c "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
		return;
	}
	if ($method eq 'CONNECT') {
		print $c "HTTP/1.1 200 Connected\r\n\r\n";
	} else {
		$head =~ s{^(\S+) http://[^/]+}{$1 };
		$head =~ s/^Proxy-[^\n]*\n//mig;
		print $there $head;
	}
	$c->flush;
	$there->flush;
	join_both($c, $there);
}

put('port.new', $server->sockport);
rename "$dir/port.new", "$dir/port";
while (my $c = $server->accept) {
	my $pid = fork // next;
	if ($pid == 0) {
		serve($c);
		exit;
	}
	close $c;
}
