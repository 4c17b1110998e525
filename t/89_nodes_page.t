#!/usr/bin/perl

# The page of a node in a real browser: who has a stream, the nodes, a stream
# that another node has is controlled, this node is drained and takes streams
# again; who may not is not offered it.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Browser;
use DirectStream::Cluster;
use DirectStream::Test;


my $missing = DirectStream::Browser->missing || DirectStream::Cluster->missing;
plan(skip_all => "there is no $missing") if $missing;

my $t = DirectStream::Test->new;
my $c = DirectStream::Cluster->new($t);
my $slow = $ENV{DS_SLOW} || 1;

$c->etcd(1);
$c->far;
$t->media;

my $url = $t->plain_list('list', ('two.mp4') x 3);
my %streams = map { ("s$_" => $url) } 1 .. 2;

$c->node($_, \%streams, http => 'location /ro/ { directstream_admin; }')
    for qw(a b);

ok($t->wait_for(sub { $c->owned('a') eq 'a:1 b:1' }, 30 * $slow), 'evenly')
    or diag($c->owned('a'));
ok($t->wait_for(sub { keys %{ $c->on_air } == 2 }, 20 * $slow), 'on air');

my ($there) = grep { ($c->owner('a', $_))[0] eq 'b' } sort keys %streams;
my ($here) = grep { $_ ne $there } sort keys %streams;
my (undef, $epoch) = $c->owner('a', $there);
my $base = "http://127.0.0.1:$t->{nginx}{a}{http}";
my $b = DirectStream::Browser->new($t);

# the list, and the page of a stream that is elsewhere

$b->open("$base/directstream/");
ok($b->wait_text('.streams', qr/on node a, epoch \d+/, 20), 'one is here');
ok($b->wait_text('.streams', qr/on node b, epoch $epoch/), 'one is there');
$b->click('a', $there);
ok($b->wait_text('.head .node', qr/^on node b, epoch $epoch$/), 'whose it is');
ok($b->wait_text('.air', qr/What is on air is shown there/), 'and where');

$b->click('button', 'Skip');
ok($t->wait_for(sub {
    $t->log_of('b') =~ /"$there": skip, asked for on another node/;
}, 10 * $slow), 'it is skipped there');
is($b->text('.failure'), '', 'nothing is wrong');

# the nodes

$b->open("$base/directstream/");
ok($b->wait_text('.streams', qr/on node a/, 20), 'the list');
$b->click('a', 'Nodes');
ok($b->wait_text('tbody', qr/a\s+\(this one\).*1.*takes streams.*b.*1/s),
   'both');
ok($b->wait_text('.facts', qr/etcd\s+answers/i), 'etcd');
like($b->text('.facts'), qr/Lease left\s+\d\.\d s/i, 'the lease');
is($b->script('return document.querySelector("tbody a").href'),
   "http://127.0.0.1:$t->{nginx}{b}{http}/directstream/#nodes",
   'the way to the other one');

$b->click('button', 'Drain a');
ok($b->wait_text('tbody', qr/a\s+\(this one\)\s+0.*drained.*b\s+2/s, 20),
   'drained');
ok($t->wait_for(sub { ($c->owner('b', $here))[0] eq 'b' }, 10 * $slow),
   'the other one has all');
$b->click('button', 'Let a take streams');
ok($b->wait_text('tbody', qr/a\s+\(this one\)\s+\d.*takes streams/s),
   'no more');
$b->click('button', 'Balance');
ok($b->wait_text('tbody', qr/a\s+\(this one\)\s+1.*b\s+1/s, 40), 'its share');
is(join("\n", $b->console), '', 'nothing on the console');

# who may only read

$b->open("$base/ro/#nodes");
$b->reload;
ok($b->wait_text('tbody', qr/this one/, 20), 'read-only');
is($b->script('return document.querySelectorAll(".buttons button").length'),
   0, 'nothing to press');

$b->quit;
$t->finish;
