package Cases;
# What is run while something breaks, and what must be true of it whenever and however it ended: a stream whose rows tell which
# checkpoint they belong to, loaded, mapped and stored in every way.
use strict;
use warnings;
use Compress::Zlib 'crc32';
use Exporter 'import';
use Torture;

our @EXPORT = qw(load_cases all_cases serve stream input prepare recovers learn start_over give told right);
our $last = 6; # checkpoints of a whole stream, of 20 rows each

# A stream of the checkpoints from..$last; the k-th has the state k.
sub stream {
	my ($from, $run) = @_;
	my $begin = $from > 1 ? $from - 1 : 'null';
	my @lines = (qq({"\@cs":"begin","version":1,"stream":"s","run":"$run","mode":"incremental","from":$begin}));
	for my $k ($from .. $last) {
		push @lines, map { my $id = ($k * 20 + $_) * 7919 % 100003;
			qq({"id":"key$id","k":$k,"p":) . $k % 2 . qq(,"text":"a text that fills the page a little"}) } 1 .. 20;
		push @lines, qq({"\@cs":"checkpoint","stream":"s","run":"$run","state":$k,"records":) . 20 * ($k - $from + 1) . '}';
	}
	push @lines, qq({"\@cs":"end","stream":"s","run":"$run","records":) . 20 * ($last - $from + 1) . ',"complete":true}';
	return join '', map { "$_\n" } @lines;
}

# The rows of files: the k of each.
sub ks { return map { /"k":(\d+)/ || /^key\d+,(\d+),/ ? $1 : () } map { split /\n/, slurp($_) } @_ }

# The state that a file stands at: by its size and CRC-32, of two lines alike the later.
sub state_of_file {
	my ($path) = @_;
	my $text = slurp($path);
	for (reverse split /\n/, slurp("$path.cs-state")) {
		/"size":(-?\d+),"crc":(-?\d+),.*"state":(\d+)/ or next;
		return $3 if $1 == length $text && $2 == crc32($text);
	}
	return 0;
}

# Rows by their k: 20 of each up to the state, none beyond.
sub exact {
	my ($state, @ks) = @_;
	my %n;
	$n{$_}++ for @ks;
	return !grep { ($n{$_} || 0) != ($_ <= $state ? 20 : 0) } 1 .. $last;
}

sub sqlite_state {
	my ($out) = @_;
	return '' if !-s 'x.db';
	my $ok = sql('x.db', 'PRAGMA integrity_check');
	return "integrity_check: $ok" if $ok ne 'ok';
	my $has = sql('x.db', "SELECT count(*) FROM sqlite_master WHERE name = '_cs_state'");
	$$out = sql('x.db', 'SELECT state FROM _cs_state') || 0 if $has;
	my @ks = sql('x.db', "SELECT count(*) FROM sqlite_master WHERE name = 't'") ? split /\n/, sql('x.db', 'SELECT k FROM t') : ();
	return exact($$out, @ks) ? '' : "state $$out, and rows of " . join(',', @ks);
}

sub file_state {
	my ($path, $out) = @_;
	return '' if !-e $path;
	$$out = state_of_file($path);
	my @ks = ks($path);
	return exact($$out, @ks) ? '' : "state $$out, and rows of " . join(',', @ks);
}

sub partition_state {
	my ($out) = @_;
	# whoever comes next does what was written down
	my ($now) = slurp('x.cs-state') =~ /"state":(\d+)/;
	($now) = slurp('x.cs-commit') =~ /"state":(\d+)/ if -e 'x.cs-commit';
	system(qq(printf '%s\\n' '{"\@cs":"begin","version":1,"stream":"s","run":"R9","mode":"incremental","from":$now}' '{"\@cs":"end","stream":"s","run":"R9","records":0,"complete":true}' | cs-load --to ndjson:x --partition-by p >/dev/null)) == 0
		or return 'nothing can go on from it';
	$$out = $now;
	return exact($$out, ks(glob 'p=*/x')) ? '' : "state $$out, and other rows";
}

sub store_state {
	my ($store, $out) = @_;
	my $s = `cs-state --store $store get s 2>&1`;
	$$out = $s =~ /^(\d+)$/ ? $1 : 0;
	return $s eq '' || $$out ? '' : $s;
}

# name: command (its input is a whole stream or the rest of one), what is there before, and what is true after a fault: what is wrong,
# or '' with the state. from: the checkpoints before that are there already. again: the rest can be from the state only, else the
# whole stream may come again. acks: of the stream only what a loader acknowledged.
sub load_cases {
	return (
		sqlite => {cmd => 'cs-load --to sqlite:x.db --table t --key id --commit-every 20', state => \&sqlite_state},
		append => {cmd => 'cs-load --to sqlite:x.db --table t --mode append --commit-every 20', state => \&sqlite_state, again => 1},
		delete => {cmd => 'cs-load --to sqlite:x.db --table t --key id --commit-every 20', state => \&sqlite_state,
			before => q(sqlite3 x.db 'PRAGMA journal_mode=DELETE; CREATE TABLE other(a)' >/dev/null)},
		ndjson => {cmd => 'cs-load --to ndjson:x.ndjson', from => 3, state => sub { file_state('x.ndjson', @_) }, again => 1},
		csv => {cmd => 'cs-load --to csv:x.csv', from => 3, state => sub { file_state('x.csv', @_) }, again => 1},
		keyed => {cmd => 'cs-load --to ndjson:x.ndjson --key id', from => 3, state => sub { file_state('x.ndjson', @_) }},
		parts => {cmd => 'cs-load --to ndjson:x --partition-by p', from => 3, again => 1, state => \&partition_state},
		dirstore => {cmd => 'cs-state --store dir:d put', acks => 1, state => sub { store_state('dir:d', @_) }},
		sqlstore => {cmd => 'cs-state --store sqlite:s.db put', acks => 1, state => sub { store_state('sqlite:s.db', @_) }},
	);
}

# The input of such a case; a store takes what a loader has acknowledged.
sub input {
	my ($c, $from, $run) = @_;
	my $text = stream($from, $run);
	return $c->{acks} ? join '', grep { /checkpoint|"end"/ } split /^/, $text : $text;
}

# Make the current directory what the case begins with.
sub prepare {
	my ($c) = @_;
	system($c->{before}) == 0 or die 'cannot prepare' if $c->{before};
	return if ($c->{from} || 1) == 1;
	local $last = $c->{from} - 1;
	spew("$top/in", stream(1, 'R0'));
	system("$c->{cmd} <$top/in >/dev/null") == 0 or die "$c->{cmd}: cannot begin";
}

# After a fault, in its directory, with what was acknowledged by then: what is wrong, or '' once the next run came to the same rows.
sub recovers {
	my ($c, $acks) = @_;
	my $acked = ($c->{from} || 1) - 1;
	$acked = $1 while $acks =~ /"checkpoint".*?"state":(\d+)/g;
	my ($state, $end) = (0, 0);
	my $fault = $c->{state}->(\$state);
	$fault ||= "state $state, and $acked was acknowledged" if $state < $acked;
	return $fault if $fault;
	if ($state < $last || !$c->{again}) {
		spew("$top/in2", input($c, $c->{again} ? $state + 1 : 1, 'R2'));
		return 'the next run: ' . slurp("$top/errors2") if system("$c->{cmd} <$top/in2 >/dev/null 2>$top/errors2") != 0;
	}
	return $c->{state}->(\$end) || ($end == $last ? '' : "the next run ends at $end");
}

# As load_cases() has them; or (out) with an output, and more that is seen by the commands files, which must be as ever after a
# success and after the next run, or after the command again in its place; whenever, look prints what matches may.
sub all_cases {
	my %case = load_cases();
	my $case = sub { my ($name, $cmd, %more) = @_; $case{$name} = {out => 1, cmd => $cmd, %more} };
	my $load = 'cs-load --to sqlite:x.db --table t --key id';
	my $rows = q(sqlite3 x.db 'SELECT id, k FROM t ORDER BY id');
	$case->('gzip', 'cs-load --to ndjson:x.gz --key id', files => ['gzip -dc x.gz']);
	$case->('zstd', 'cs-load --to csv:x.csv.zst --key id', files => ['zstd -dcq x.csv.zst']);
	$case->('bulk', "$load --bulk", files => [$rows]);
	$case->('replace', "$load --mode replace", full => 1, files => [$rows], before => qq(printf '{"id":"old","k":0}\\n' | $load), look => q(sqlite3 x.db 'SELECT count(*) FROM t'), may => '1|120');
	$case->('history', "$load --mode history", files => [$rows]);
	$case->('stats', "$load --stats s --changes c", files => [$rows, 'jq .complete s']);
	$case->('columns', 'cs-map --flatten --names snake --keep id,k --hash id');
	$case->('rules', q(cs-map --where '.k > 2' --type k=string --schema-out s --rejects r), files => ['cat s']);
	$case->('program', q(cs-map -f '{id, k: (.k + 1), t: (.text | ascii_upcase)}'));
	$case->('jobs', q(cs-map --jobs 2 -f '.k += 1'));
	my %store = (dir => 'dir:d', sql => 'sqlite:s.db');
	for (sort keys %store) {
		my $s = "cs-state --store $store{$_}";
		my %two = (before => "$s set s 1 && $s set s 2 && $s run s -- true", look => "$s get s", may => '2');
		$case->("get-$_", "$s get s", %two);
		$case->("list-$_", "$s list", %two, loose => 1);
		$case->("log-$_", "$s history s", %two, loose => 1);
		$case->("status-$_", "$s status --prometheus -o m", %two, files => ['wc -l <m']);
		$case->("report-$_", "$s report -o r", %two, files => ['wc -l <r']);
		$case->("set-$_", "$s set s 3", %two, may => '2|3', files => ["$s get s"]);
		$case->("undo-$_", "$s undo s", %two, may => '1|2', files => ["$s get s"], again => "$s set -f s 1");
		$case->("rm-$_", "$s rm s", %two, may => '2|', files => ["$s list"], again => "$s rm s; true");
		$case{"run-$_"} = {cmd => "$s run -v s -- cat", acks => 1, state => $case{$_ eq 'dir' ? 'dirstore' : 'sqlstore'}{state}};
	}
	my $fetch = 'cs-fetch -q --retries 1 --stall-timeout 2s --records .data --paginate offset --page-size 40 --limit-param limit --offset-param offset';
	$case->('fetch', "$fetch \$PLAYGROUND/pagination/offset", network => 1);
	$case->('parallel', "$fetch --parallel 4 --total .total \$PLAYGROUND/pagination/offset", network => 1);
	$case->('record', "$fetch --record r --metrics m --etag e \$PLAYGROUND/pagination/offset", network => 1, again => "rm -rf r e; $fetch \$PLAYGROUND/pagination/offset");
	return %case;
}

# For the cases that ask a server.
my $playground;
sub serve {
	return if !grep { $_->{network} } @_;
	$playground = fork // die;
	if (!$playground) { exec 'playground', '--port', 0, '--for', 7200, '--quiet', '--port-file', "$top/port" or exit 1 }
	for (1 .. 200) { last if -s "$top/port"; select undef, undef, undef, 0.05 }
	chomp($ENV{PLAYGROUND} = 'http://127.0.0.1:' . slurp("$top/port"));
}
END { local $?; kill 'TERM', $playground if $playground }

sub plain { my ($c, $text) = @_; $text =~ s/"run":"\w+"|"started":\d+//g; $text =~ s/\d+/0/g if $c->{loose}; return $text }
sub seen { my ($c) = @_; return join "\0", map { scalar `$_ 2>&1` } @{$c->{files} || []} }

# The case's input into $top/in; what it begins with into $top/disk, or another directory.
sub give { my ($c) = @_; my $in = input($c, $c->{from} || 1, 'R1'); $in =~ s/"incremental"/"full"/ if $c->{full}; spew("$top/in", $in) }
sub start_over { my ($dir) = @_; $dir ||= "$top/disk"; fresh($dir); system("cp -a $top/kept/. $dir") == 0 or die }

# What comes of the case when nothing breaks. run runs it, as it does in the current directory, into $top/out.
sub learn {
	my ($c, $run) = @_;
	fresh("$top/kept");
	prepare($c);
	start_over();
	give($c);
	$run->() == 0 or die "$c->{cmd}: " . slurp("$top/err");
	$c->{want} = plain($c, slurp("$top/out"));
	$c->{left} = seen($c);
}

# Is the status one that is documented, with one line that says why, or as many as match? What is wrong, or ''.
sub told {
	my ($c, $status, $err, $lines) = @_;
	return "status $status: $err" unless $status =~ /^(0|1|64|65|69|7[4567]|80)$/;
	$err =~ s/^cs-state: stream "s": run \w+ ended with .*\n//m; # --verbose
	return "status $status, and says: $err" unless $status == 0 || $err =~ ($lines || qr/\Acs-\w+: .*\n\z/);
	return "says $1" if $err =~ /(not an error|Success)$/m;
	return "success, and says: $err" if $status == 0 && $err =~ /: (Input\/output error|disk I\/O error|No space left.*|Cannot allocate memory)$/m && !$c->{network};
	return '';
}

# Is what it printed and left right for the status, and does the next run complete it? What is wrong, or ''.
sub right {
	my ($c, $status) = @_;
	my $out = slurp("$top/out");
	if (!$c->{out}) {
		return 'success, and not all is acknowledged' if $status == 0 && $out !~ /"end"/;
		return recovers($c, $out);
	}
	return "success, and the output is another: $out" if $status == 0 && plain($c, $out) ne $c->{want};
	return 'success, and the files are others' if $status == 0 && seen($c) ne $c->{left};
	return 'an end, and the output is another' if $c->{cmd} =~ /cs-(map|fetch)/ && $out =~ /^\{"\@cs":"end"/m && plain($c, $out) ne $c->{want};
	if ($c->{look}) {
		chomp(my $now = `$c->{look} 2>&1`);
		return "afterwards: $now" unless $now =~ /\A(?:$c->{may})\z/;
	}
	my $again = $c->{again} || $c->{cmd};
	give($c);
	system("{ $again; } <$top/in >$top/out 2>$top/err") == 0 or return 'the next run: ' . slurp("$top/err");
	return 'the next run leaves something else' if seen($c) ne $c->{left} || (!$c->{again} && !$c->{look} && $c->{cmd} !~ /^cs-load/ && plain($c, slurp("$top/out")) ne $c->{want});
	return '';
}
1;
