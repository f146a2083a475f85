#!/usr/bin/perl
# A server of canned replies on the loopback: canned.pl DIR
#
# Writes its port to DIR/port. The n-th request is answered with the bytes of the file DIR/n, as they are;
# where there is none, with DIR/else. The connection is then closed. A reply that begins with "CHUNK k" on a line of its own is
# sent in chunks of k bytes, with the header that follows up to an empty line. ${PORT} in it is the port.
# Request lines and headers go to DIR/log, each request after an empty line. It ends after 100 s or 100000 requests.
use strict;
use warnings;
use IO::Socket::INET;

my $dir = shift;
my $server = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1', Proto => 'tcp')
    or die "canned.pl: $@";
my $port = $server->sockport;
$SIG{ALRM} = sub { exit };
$SIG{PIPE} = 'IGNORE';
alarm 100;
sub put {
	my ($file, $text) = @_;
	open my $f, '>>', "$dir/$file" or die "canned.pl: $dir/$file: $!";
	print $f $text;
	close $f;
}
put('port.new', $port);
rename "$dir/port.new", "$dir/port";

for (my $n = 1; $n <= 100000; $n++) {
	my $c = $server->accept or next;
	my $head = '';
	while (defined(my $line = <$c>)) {
		$line =~ s/\r?\n$//;
		last if $line eq '';
		$head .= "$line\n";
	}
	read $c, my $sent, $1 if $head =~ /^content-length: *(\d+)/mi;
	put('log', "\n$head" . (defined $sent ? "BODY $sent\n" : ''));
	open my $f, '<:raw', -e "$dir/$n" ? "$dir/$n" : "$dir/else" or next;
	local $/;
	my $reply = <$f>;
	$/ = "\n";
	$reply =~ s/\$\{PORT\}/$port/g;
	if ($reply =~ s/^CHUNK (\d+)\n//) {
		my ($h, $body) = $reply =~ /^(.*?)\n\n(.*)$/s;
		$h =~ s/\n/\r\n/g;
		$reply = "$h\r\nTransfer-Encoding: chunked\r\n\r\n";
		$reply .= sprintf("%x\r\n%s\r\n", length, $_) for unpack "(a$1)*", $body;
		$reply .= "0\r\n\r\n";
	}
	print $c $reply;
	close $c;
}
