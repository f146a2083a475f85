#!/usr/bin/perl
# A server that breaks in every way, on the loopback: server.pl DIR
#
# Writes its port to DIR/port. It serves the lines of DIR/records, as /offset, /page, /cursor, /next, /link, /one and /ndjson,
# and tokens at /token. DIR/plan says what goes wrong: lines of "N FAULT [ARGUMENT]" for the N-th request since the plan was
# written, "N+ FAULT" for all from there on. The header's X-Run, or the parameter
# run, must be what DIR/run says. DIR/log.RUN gets a line for each request. It ends after an hour, or when DIR goes away.
use strict;
use warnings;
use Compress::Zlib;
use Fcntl ':flock';
use IO::Socket::INET;
use Socket;
use Time::HiRes 'sleep';

my $dir = shift or die "usage: server.pl DIR\n";
chdir $dir or die "$dir: $!\n";
$SIG{CHLD} = 'IGNORE';
$SIG{PIPE} = 'IGNORE';
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64, ReuseAddr => 1) or die "$!\n";
my $port = $listener->sockport;
my @records = split /\n/, slurp('records');
my $started = time;
put('port.new', $port);
rename 'port.new', 'port';

while (-d '.' && -e 'port' && time - $started < 3600) {
	my $ready = '';
	vec($ready, $listener->fileno, 1) = 1;
	next unless select($ready, undef, undef, 1) > 0;
	my $c = $listener->accept or next;
	next if fork;
	close $listener;
	setsockopt $c, Socket::IPPROTO_TCP(), Socket::TCP_NODELAY(), 1;
	my $in = '';
	while (1) {
		my $request = read_request($c, \$in) or last;
		serve($c, $request) or last;
	}
	exit;
}

sub slurp { my ($name) = @_; local $/; open my $f, '<', $name or return ''; return <$f> // '' }
sub put { my ($name, $text) = @_; open my $f, '>', $name; print $f $text; close $f }

sub read_request {
	my ($c, $in) = @_;
	until ($$in =~ /\r\n\r\n/) {
		sysread($c, $$in, 65536, length $$in) or return;
	}
	$$in =~ s/^(.*?\r\n\r\n)//s;
	my %r = (head => $1);
	@r{qw(method url)} = $r{head} =~ m{^(\S+) (?:http://[^/ ]+)?(\S+)};
	my $length = $r{head} =~ /^content-length: *(\d+)/mi ? $1 : 0;
	while (length $$in < $length) { sysread($c, $$in, 65536, length $$in) or return }
	substr($$in, 0, $length) = '';
	return \%r;
}

# The number of this request, and what goes wrong with it.
sub fault_for {
	my ($r) = @_;
	# What a run before this one had in flight does not count.
	my $run = $r->{head} =~ /^x-run: (\d+)/mi ? $1 : param($r->{url}, 'run', 0);
	return (0, '', '') if $run != (slurp('run') || 0);
	open my $f, '+<', "count.$run" or return (1, '', '');
	flock $f, LOCK_EX;
	my $n = (<$f> // 0) + 1;
	seek $f, 0, 0;
	print $f "$n\n";
	close $f;
	open my $log, '>>', "log.$run";
	print $log "$n $r->{method} $r->{url} ", $r->{head} =~ /^authorization: (\S+)/mi ? $1 : '-', "\n";
	close $log;
	for (split /\n/, slurp('plan')) {
		my ($at, $plus, $fault, $argument) = /^(\d+)(\+?) (\S+) ?(.*)$/ or next;
		return ($n, $fault, $argument) if $plus ? $n >= $at : $n == $at;
	}
	return ($n, '', '');
}

sub param { my ($url, $name, $usual) = @_; return $url =~ /[?&]\Q$name\E=([^&]*)/ ? $1 : $usual }

# Body, more header lines.
sub page {
	my ($r, $fault, $argument) = @_;
	my $url = $r->{url};
	my ($path) = $url =~ m{^/(\w+)};
	my $limit = param($url, 'limit', 20);
	my $at = $path eq 'offset' ? param($url, 'offset', 0) : (param($url, 'page', 1) - 1) * $limit;
	$at = substr(param($url, 'cursor', 'c0'), 1) if $path eq 'cursor';
	($at, $limit) = (0, scalar @records) if $path eq 'one' || $path eq 'ndjson';
	$at = 0 if $fault eq 'same';
	my @records = @records;
	# Rows went from the beginning, or came there; one moved to the end.
	splice @records, 0, $argument if $fault eq 'drop';
	unshift @records, map { qq({"id":-$_,"new":true}) } 1 .. $argument if $fault eq 'insert';
	push @records, splice(@records, $argument, 1) if $fault eq 'move';
	my @page = $at < @records ? @records[$at .. ($at + $limit < @records ? $at + $limit : @records) - 1] : ();
	return (join('', map { "$_\n" } @page), '') if $path eq 'ndjson';
	my $end = $at + @page >= @records;
	my $total = @records + ($fault eq 'total' ? $argument : 0);
	my ($more, $head) = ('', '');
	my $next = "/$path?page=" . ($at / $limit + 2) . "&limit=$limit";
	$next = $argument if $fault eq 'next';
	my $cursor = 'c' . ($at + $limit);
	$cursor = $argument if $fault eq 'cursor';
	$more = $end ? '"next":null,' : qq("next":"$cursor",) if $path eq 'cursor';
	$more = $end ? '"next":null,' : qq("next":"$next",) if $path eq 'next';
	if ($path eq 'link') {
		my $shape = $fault eq 'link' ? $argument : '<%s>; rel="next"';
		$head = sprintf("Link: $shape\r\n", $next) unless $end;
		return ('[' . join(',', @page) . ']', $head);
	}
	my $list = $fault eq 'empty' ? '' : join ',', @page;
	return (qq({"total":$total,$more"data":[$list],"more":) . ($end ? 'false' : 'true') . '}', $head);
}

sub reply {
	my ($status, $head, $body) = @_;
	return "HTTP/1.1 $status\r\nContent-Type: application/json\r\n$head\r\n$body";
}

sub with_length { my ($status, $head, $body) = @_; return reply($status, $head . 'Content-Length: ' . length($body) . "\r\n", $body) }

sub chunked {
	my ($head, $body, $last) = @_;
	my $out = '';
	$out .= sprintf("%x\r\n%s\r\n", length, $_) for unpack '(a777)*', $body;
	return reply('200 OK', "${head}Transfer-Encoding: chunked\r\n", $out . ($last // "0\r\n\r\n"));
}

sub send_all { my ($c, $bytes) = @_; for (my $o = 0; $o < length $bytes;) { my $n = syswrite $c, $bytes, 65536, $o or return 0; $o += $n } return 1 }

sub reset_it { my ($c) = @_; setsockopt $c, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0); close $c; return 0 }

# True: the connection stays.
sub serve {
	my ($c, $r) = @_;
	my ($n, $fault, $argument) = fault_for($r);
	my ($body, $head) = $r->{url} =~ m{^/token} ? ('{"access_token":"first","token_type":"Bearer","expires_in":300}', '') : page($r, $fault, $argument);
	my $close = "${head}Connection: close\r\n";
	my $packed = Compress::Zlib::memGzip($body);
	my $gzip = "${head}Content-Encoding: gzip\r\n";

	if ($fault eq 'status') {
		my ($status, $more) = split / /, $argument, 2;
		$more = $more ? join('', map { "$_\r\n" } split /;; /, $more) : '';
		$more =~ s/DATE([+-]\d+)/http_date($1)/e;
		return send_all($c, with_length("$status Torture", $more, '{"error":"torture"}'));
	}
	if ($fault eq 'field') { return send_all($c, with_length('200 OK', $head . join('', map { "$_\r\n" } split /;; /, $argument), $body)) }
	if ($fault eq 'body') { (my $b = $argument) =~ s/\\x(..)/chr hex $1/ge; return send_all($c, with_length('200 OK', $head, $b)) }
	if ($fault eq 'repeat') { my ($times, $text) = split / /, $argument, 2; return send_all($c, with_length('200 OK', $head, $text x $times)) }
	if ($fault eq 'echo') { # what we were told, back
		my ($status, $more) = split / /, $argument, 2;
		my ($secret) = $r->{head} =~ /^(?:authorization|x-api-key|cookie): *(?:Bearer |Basic )?([^\r\n]*)/mi;
		$secret = $1 if $r->{url} =~ /api_key=([^&]*)/;
		($more //= '') =~ s/SECRET/$secret/;
		return send_all($c, with_length("$status Torture", $more ? "$more\r\n" : '', "you said $secret: $r->{head}"));
	}
	if ($fault eq 'etag') {
		my $known = $r->{head} =~ /^if-none-match: *"\Q$argument\E"/mi;
		return send_all($c, $known ? "HTTP/1.1 304 Not Modified\r\nETag: \"$argument\"\r\n\r\n" : with_length('200 OK', "ETag: \"$argument\"\r\n", $body));
	}
	if ($fault eq 'bom') { return send_all($c, with_length('200 OK', $head, "\xef\xbb\xbf$body")) }
	if ($fault eq 'raw') { (my $b = $argument) =~ s/\\r\\n/\r\n/g; send_all($c, $b); return 0 }
	if ($fault eq 'both') { # the chunks count
		my $b = chunked("${head}Content-Length: 5\r\n", $body);
		return send_all($c, $b);
	}
	if ($fault eq 'chunked') { return send_all($c, chunked($head, $body)) }
	if ($fault eq 'gzip') { return send_all($c, with_length('200 OK', $gzip, $packed)) }
	if ($fault eq 'members') {
		my $half = int(length($body) / 2);
		return send_all($c, with_length('200 OK', $gzip,
			Compress::Zlib::memGzip(substr $body, 0, $half) . Compress::Zlib::memGzip(substr $body, $half)));
	}
	if ($fault eq 'trailing') { return send_all($c, with_length('200 OK', $gzip, $packed . "junk")) }
	if ($fault eq 'crc') { substr($packed, -8, 1) ^= "\xff"; return send_all($c, with_length('200 OK', $gzip, $packed)) }
	if ($fault eq 'bomb') { return send_all($c, with_length('200 OK', $gzip, Compress::Zlib::memGzip('[' . ' ' x 80_000_000))) }
	if ($fault eq 'unframed') { send_all($c, reply('200 OK', $close, $body)); return 0 }
	if ($fault eq 'cut-pack') { # the frame is whole, what is in it is not
		return send_all($c, with_length('200 OK', $gzip, substr $packed, 0, int($argument * length $packed)));
	}
	if ($fault =~ /^cut-(\w+)$/) {
		my $whole = $1 eq 'length' ? with_length('200 OK', $head, $body) :
			$1 eq 'chunked' ? chunked($head, $body) :
			$1 eq 'gzip' ? with_length('200 OK', $gzip, $packed) :
			reply('200 OK', $close, $body);
		my $at = int($argument * length $whole);
		send_all($c, substr $whole, 0, $at);
		return 0;
	}
	if ($fault eq 'reset') {
		my $whole = with_length('200 OK', $head, $body);
		send_all($c, substr $whole, 0, int($argument * length $whole));
		sleep 0.01;
		return reset_it($c);
	}
	if ($fault eq 'gone') { return 0 }
	if ($fault eq 'hang') { send_all($c, substr with_length('200 OK', $head, $body), 0, $argument); sleep 20; return 0 }
	if ($fault eq 'drip') { for (split //, with_length('200 OK', $head, $body)) { send_all($c, $_) or return 0; sleep 0.05 } return 1 }
	if ($fault eq 'pieces') { for (unpack "(a$argument)*", with_length('200 OK', $head, $body)) { send_all($c, $_) or return 0 } return 1 }
	if ($fault eq 'delay') { sleep $argument }
	if ($fault eq 'redirect') {
		(my $to = $argument) =~ s/URL/$r->{url} . ($r->{url} =~ m{\?} ? '&' : '?') . "r=$n"/e;
		return send_all($c, with_length('302 Found', "Location: $to\r\n", ''));
	}
	return send_all($c, with_length('200 OK', $head, $body));
}

sub http_date {
	my @t = gmtime(time + $_[0]);
	my @day = qw(Sun Mon Tue Wed Thu Fri Sat);
	my @month = qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec);
	return sprintf '%s, %02d %s %d %02d:%02d:%02d GMT', $day[$t[6]], $t[3], $month[$t[4]], $t[5] + 1900, @t[2, 1, 0];
}
