#!/usr/bin/perl
# A list that changes between any two requests: drift.pl DIR
#
# Writes its port to DIR/port. GET /_new?seed=S&rows=N&churn=P makes a list of N rows {"id","k","v"}, sorted by k, of which
# a few share one; after each request for a page, with a chance of P percent, a row is inserted, deleted or changed: it
# then gets the largest k and goes to the end. GET /list answers by
#
#	offset=&limit=   page=&limit=   after=&limit= (the id of the last row)   gt=&limit=   ge=&limit= (its k)
#
# {"data":[...],"total":N,"next":id or null}. GET /_must lists the ids that were there all the time, as far as they
# were to be seen; GET /_may all that ever were. It ends after 100 s.
use strict;
use warnings;
use IO::Socket::INET;

my $dir = shift;
my $server = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1', Proto => 'tcp') or die "drift.pl: $@";
alarm 100;
$SIG{ALRM} = sub { exit };
$SIG{PIPE} = 'IGNORE';
open my $p, '>', "$dir/port.new" or die;
print $p $server->sockport;
close $p;
rename "$dir/port.new", "$dir/port";

my (@rows, %must, %may, $id, $key, $churn, $how);

# Our own, so that a seed is the same list everywhere.
my $luck = 1;
sub draw { $luck = ($luck * 1103515245 + 12345) % 2147483648; return int($luck / 65536) % $_[0] }

sub row { $may{++$id} = 1; return {id => $id, k => $_[0], v => 0} }

sub change {
	return if draw(100) >= $churn;
	my ($what, $at) = (draw(3), @rows ? draw(scalar @rows) : 0);
	if ($what == 0 || !@rows) {
		splice @rows, $at, 0, row(@rows ? $rows[$at]{k} : ++$key);
	} elsif ($what == 1) {
		delete $must{$rows[$at]{id}};
		splice @rows, $at, 1;
	} else {
		my ($r) = splice @rows, $at, 1;
		push @rows, {id => $r->{id}, k => ++$key, v => $r->{v} + 1};
	}
}

sub page {
	my %q = @_;
	my $n = $q{limit} // 10;
	my $from = 0;
	if (defined $q{offset}) { $from = $q{offset} }
	elsif (defined $q{page}) { $from = ($q{page} - 1) * $n }
	elsif (defined $q{gt}) { $from++ while $from < @rows && $rows[$from]{k} <= $q{gt} }
	elsif (defined $q{ge}) { $from++ while $from < @rows && $rows[$from]{k} < $q{ge} }
	elsif (defined $q{after}) { $from++ while $from < @rows && $rows[$from]{id} <= $q{after} }
	my $to = $from + $n > @rows ? @rows : $from + $n;
	my @page = $from < @rows ? @rows[$from .. $to - 1] : ();
	my $next = $to < @rows && @page ? $page[-1]{id} : 'null';
	return '{"data":[' . join(',', map { qq({"id":$_->{id},"k":$_->{k},"v":$_->{v}}) } @page) .
	    '],"total":' . @rows . qq(,"next":$next});
}

while (1) {
	my $c = $server->accept or next;
	my $line = <$c> // '';
	while (defined(my $h = <$c>)) { last if $h =~ /^\r?\n/ }
	my ($path, $query) = $line =~ m{^GET (/\w+)\??(\S*)};
	my %q = map { split /=/, $_, 2 } split /&/, $query // '';
	my $body = '{}';
	if (($path // '') eq '/_new') {
		($luck, $churn, $id, $key) = ($q{seed}, $q{churn}, 0, 0);
		%may = ();
		@rows = map { $key++ if draw(4) || $_ == 1; row($key) } 1 .. $q{rows};
		%must = map { $_->{id} => 1 } @rows;
	} elsif (($path // '') eq '/list') {
		$body = page(%q);
		change();
	} elsif (($path // '') eq '/_must') {
		$body = join '', map { "$_\n" } sort { $a <=> $b } keys %must;
	} elsif (($path // '') eq '/_may') {
		$body = join '', map { "$_\n" } sort { $a <=> $b } keys %may;
	}
	print $c "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ", length $body, "\r\n\r\n$body";
	close $c;
}
