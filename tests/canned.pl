#!/usr/bin/perl
# A server of canned replies on the loopback: canned.pl DIR
#
# Writes its port to DIR/port. The n-th request is answered with the bytes of the file DIR/n, as they are;
# where there is none, with DIR/else. The connection is then closed, unless the reply begins with "KEEP" on a line of its
# own. A reply that begins with "CHUNK k" is sent in chunks of k bytes, with the header that follows up to an empty line.
# ${PORT} in it is the port.
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

my $kept;
for (my $n = 1; $n <= 100000; $n++) {
	my $was = $kept;
	my $c = connection() or redo;
	my $head = '';
	while (defined(my $line = <$c>)) {
		$line =~ s/\r?\n$//;
		last if $line eq '';
		$head .= "$line\n";
	}
	redo if $was && $head eq ''; # the client has closed it
	read $c, my $sent, $1 if $head =~ /^content-length: *(\d+)/mi;
	put('log', "\n$head" . (defined $sent ? "BODY $sent\n" : ''));
	open my $f, '<:raw', -e "$dir/$n" ? "$dir/$n" : "$dir/else" or next;
	local $/;
	my $reply = <$f>;
	$/ = "\n";
	$kept = $c if $reply =~ s/^KEEP\n//;
	$reply =~ s/\$\{PORT\}/$port/g;
	if ($reply =~ s/^CHUNK (\d+)\n//) {
		my ($h, $body) = $reply =~ /^(.*?)\n\n(.*)$/s;
		$h =~ s/\n/\r\n/g;
		$reply = "$h\r\nTransfer-Encoding: chunked\r\n\r\n";
		$reply .= sprintf("%x\r\n%s\r\n", length, $_) for unpack "(a$1)*", $body;
		$reply .= "0\r\n\r\n";
	}
	print $c $reply;
	$c->flush;
	close $c unless $kept;
}

# The one that was kept if it says something, else a new one.
sub connection {
	my $c = $kept or return $server->accept;
	undef $kept;
	my $ready = '';
	vec($ready, $_->fileno, 1) = 1 for $c, $server;
	select $ready, undef, undef, undef;
	return $c if vec $ready, $c->fileno, 1;
	close $c;
	return $server->accept;
}
