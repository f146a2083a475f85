package Torture;
# What the scripts of this directory share: a seed and progress that outlives an interruption, a stream whose rows tell which
# checkpoint they belong to, and what must be true of a target whenever and however its writer ended.
#
# Every script takes --seed N (by chance; it is printed) and --progress FILE. There it writes down each unit of work that is done;
# started again with a FILE it goes on after the last one, with the seed of then. A script that came to its end removes it.
use strict;
use warnings;
use Compress::Zlib 'crc32';
use Cwd 'abs_path';
use Exporter 'import';
use File::Basename;
use File::Path qw(make_path remove_tree);
use File::Temp 'tempdir';
use Getopt::Long;

our @EXPORT = qw(begin unit finish failure stream spew slurp sql exact recovers load_cases input make_path remove_tree fresh dirname
	prepare $seed $top $build $last);
our ($seed, $top, $build);
our $last = 6; # checkpoints of a whole stream, of 20 rows each
my ($progress, %done, $failed_now);

# Options of the script, all of them in %o; sets $seed, $build and $top, an empty directory that goes away at the end.
sub begin {
	my ($o, @spec) = @_;
	GetOptions('seed=i' => \$seed, 'progress=s' => \$progress, map { my ($name) = /^(\w+)/; ($_ => \$o->{$name}) } @spec) or exit 64;
	my ($was, @units) = defined $progress ? split /\n/, slurp($progress) : ();
	my ($old, $with) = ($was // '') =~ /^seed (\d+)(.*)/;
	my $key = join '', map { " $_=" . ($o->{$_} // '') } sort keys %$o;
	if (defined $old && $with eq $key && (!defined $seed || $seed == $old)) {
		$seed = $old;
		/^(\d+) (\d+) (.*)/ and $done{$3} = [$1, $2] for @units;
	} elsif (defined $progress) {
		$seed //= int rand(1 << 31);
		make_path(dirname($progress));
		spew($progress, "seed $seed$key\n");
	}
	$seed //= int rand(1 << 31);
	$progress = abs_path($progress) if defined $progress;
	$build = abs_path($ENV{BUILD} || dirname(__FILE__) . '/../../build');
	$ENV{PATH} = "$build:$ENV{PATH}";
	$ENV{LC_ALL} = 'C.UTF-8';
	delete $ENV{$_} for grep { /^CS_/ } keys %ENV;
	$top = tempdir(CLEANUP => 1);
	$ENV{TMPDIR} = $ENV{XDG_STATE_HOME} = $ENV{XDG_RUNTIME_DIR} = "$top/tmp";
	mkdir $ENV{TMPDIR};
	$SIG{$_} = sub { exit 130 } for qw(INT TERM HUP);
}

# Do a piece of work, a sub that returns how many were tried, unless that was done before. Its randomness is its own.
# (tried, failed) of it.
sub unit {
	my ($name, $work) = @_;
	return @{$done{$name}} if $done{$name};
	srand($seed ^ crc32($name));
	$failed_now = 0;
	my @result = ($work->(), $failed_now);
	if (defined $progress) {
		open my $f, '>>', $progress or die "$progress: $!";
		print $f "@result $name\n";
		close $f;
	}
	return @result;
}

END { local $?; chdir '/' }

sub failure { my ($what) = @_; $what =~ s,\s*\n\s*, / ,g; $failed_now++; local $| = 1; print "FAIL $what, seed $seed\n" }

sub finish {
	my ($failed) = @_;
	unlink $progress if defined $progress;
	chdir '/';
	exit($failed ? 1 : 0);
}

sub spew { my ($path, $text) = @_; open my $f, '>', $path or die "$path: $!"; binmode $f; print $f $text; close $f or die "$path: $!" }
sub slurp { my ($path) = @_; open my $f, '<', $path or return ''; binmode $f; local $/; return scalar <$f> // '' }
sub fresh { my ($dir) = @_; chdir $top; remove_tree($dir); make_path($dir); chdir $dir or die "$dir: $!" }
sub sql { my ($db, $query) = @_; my $out = `sqlite3 -batch $db "$query" 2>&1`; chomp $out; return $out }

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
1;
