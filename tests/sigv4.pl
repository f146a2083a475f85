#!/usr/bin/perl
# Say what the Authorization of a request should be that is signed by AWS Signature Version 4: sigv4.pl SERVICE REGION KEYID <REQUEST
#
# The secret access key is in the environment as SECRET_KEY. The request is as tests/canned.pl logs it: head, then BODY and its bytes. Which
# headers are signed is taken from the request; the rest is made anew from Amazon's description, to compare.
use strict;
use warnings;
use Digest::SHA qw(hmac_sha256 hmac_sha256_hex sha256_hex);

my ($service, $region, $id) = @ARGV;
local $/;
my $all = <STDIN>;
my ($head, $body) = $all =~ /^(.*?)(?:^BODY (.*))?\z/ms;
$body //= '';
$body =~ s/\n\z//;
my ($method, $target) = $head =~ m{^(\S+) (?:https?://[^/ ]+)?(\S+)};
my %header;
while ($head =~ /^([^:\n]+): *(.*?) *$/mg) {
	my ($n, $v) = (lc $1, $2);
	$v =~ s/ +/ /g;
	$header{$n} = defined $header{$n} ? "$header{$n},$v" : $v;
}
my ($path, $query) = split /\?/, $target, 2;
sub decode { my $s = shift; $s =~ s/%([0-9a-fA-F]{2})/chr hex $1/ge; $s }
sub encode { my $s = shift; $s =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ge; $s }
$path =~ s{/+}{/}g unless $service eq 's3';
my @segments = map { encode($service eq 's3' ? decode($_) : $_) } split m{/}, $path, -1;
my @pairs = map { my ($n, $v) = split /=/, $_, 2; [encode(decode($n)), encode(decode($v // ''))] } split /&/, $query // '';
my $sorted = join '&', map { "$_->[0]=$_->[1]" } sort { $a->[0] cmp $b->[0] || $a->[1] cmp $b->[1] } @pairs;
my ($names) = $header{authorization} =~ /SignedHeaders=([^,]+)/;
my $canonical = join "\n", $method, join('/', @segments), $sorted,
    (map { "$_:$header{$_}" } split /;/, $names), '', $names, sha256_hex($body);
my $date = $header{'x-amz-date'};
my $day = substr $date, 0, 8;
my $scope = "$day/$region/$service/aws4_request";
my $key = "AWS4$ENV{SECRET_KEY}";
$key = hmac_sha256($_, $key) for $day, $region, $service, 'aws4_request';
my $signature = hmac_sha256_hex(join("\n", 'AWS4-HMAC-SHA256', $date, $scope, sha256_hex($canonical)), $key);
print "AWS4-HMAC-SHA256 Credential=$id/$scope, SignedHeaders=$names, Signature=$signature\n";
