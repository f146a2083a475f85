#!/usr/bin/perl
# A server on the loopback that wants digest authentication (RFC 7616): digest.pl DIR USER REALM ALGORITHM
#
# The user's password is in the environment as DIGEST_PASSWORD. Writes its port to DIR/port. What it is asked for with offset=N and
# limit=M is the numbers from N, 25 in all, as {"data":[{"id":N},...],"total":25}. A nonce is good for three requests, then it is
# stale. Requests go to DIR/log with their bodies. It ends after 100 s.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use Digest::SHA qw(sha256_hex);
use IO::Socket::INET;

my ($dir, $user, $realm, $algorithm) = @ARGV;
my $hash = $algorithm eq 'MD5' ? \&md5_hex : \&sha256_hex;
my $server = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1', Proto => 'tcp')
    or die "digest.pl: $@";
my (%seen, $count);
$SIG{ALRM} = sub { exit };
$SIG{PIPE} = 'IGNORE';
alarm 100;

sub put {
	my ($file, $text) = @_;
	open my $f, '>>', "$dir/$file" or die "digest.pl: $dir/$file: $!";
	print $f $text;
	close $f;
}

# "ok", "stale" or "".
sub judge {
	my ($method, $target, $h) = @_;
	my %p;
	$p{$1} = $3 // $2 while $h =~ /(\w+)=("([^"]*)"|[^,\s]+)/g;
	return '' unless ($p{username} // '') eq $user && ($p{uri} // '') eq $target && $p{qop} eq 'auth';
	my $ha1 = $hash->("$user:$realm:$ENV{DIGEST_PASSWORD}");
	my $ha2 = $hash->("$method:$target");
	return '' unless $p{response} eq $hash->("$ha1:$p{nonce}:$p{nc}:$p{cnonce}:auth:$ha2");
	return 'stale' unless exists $seen{$p{nonce}} && $seen{$p{nonce}} < 3;
	return '' unless hex $p{nc} > $seen{$p{nonce}};
	$seen{$p{nonce}}++;
	return 'ok';
}

put('port.new', $server->sockport);
rename "$dir/port.new", "$dir/port";
while (my $c = $server->accept) {
	my $head = '';
	while (defined(my $line = <$c>)) {
		$line =~ s/\r?\n$//;
		last if $line eq '';
		$head .= "$line\n";
	}
	my $body = '';
	read $c, $body, $1 if $head =~ /^content-length: *(\d+)/mi;
	put('log', "\n$head" . "BODY $body\n");
	my ($method, $target) = $head =~ /^(\S+) (\S+)/;
	my $verdict = $head =~ /^authorization: Digest (.*)$/mi ? judge($method, $target, $1) : '';
	my ($status, $more, $text) = ('200 OK', '', '');
	if ($verdict eq 'ok') {
		my ($from) = $target =~ /offset=(\d+)/;
		my ($limit) = $target =~ /limit=(\d+)/;
		($from, $limit) = ($from // 0, $limit // 25);
		my $to = $from + $limit > 25 ? 25 : $from + $limit;
		$text = '{"data":[' . join(',', map { "{\"id\":$_,\"sent\":" . length($body) . '}' } $from .. $to - 1) . '],"total":25}';
	} else {
		my $nonce = md5_hex(rand() . time() . ++$count);
		$seen{$nonce} = 0;
		$status = '401 Unauthorized';
		$more = "WWW-Authenticate: Digest realm=\"$realm\", qop=\"auth\", nonce=\"$nonce\", algorithm=$algorithm"
		    . ($verdict eq 'stale' ? ', stale=true' : '') . "\r\n";
		$text = '<html>no entry</html>';
	}
	print $c "HTTP/1.1 $status\r\n${more}Content-Type: application/json\r\nConnection: close\r\nContent-Length: "
	    . length($text) . "\r\n\r\n$text";
	close $c;
}
