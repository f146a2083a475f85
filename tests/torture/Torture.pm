package Torture;
# What the scripts of this directory share: a seed, and progress that outlives an interruption.
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

our @EXPORT = qw(begin unit finish failure spew slurp sql fresh make_path remove_tree dirname $seed $top $build);
our ($seed, $top, $build);
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
1;
