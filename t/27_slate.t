#!/usr/bin/perl

# Never dark, seen at the far end: while the resolver hangs and when a source
# stalls in mid-item there is the slate, within a second, in the same session;
# then the programme, at a key frame.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
$t->far(record => 1);
$t->near(directstream => 'buffer 2s 4m;');


sub sound {
    my ($name, $flow) = @_;

    diag($flow->summary);

    is(join("\n", $flow->backward), '', "$name: no backward time stamp");
    is(join("\n", $flow->steps_over('A', 30)), '',
       "$name: sound without a hole");
    cmp_ok($flow->largest_step('V'), '<=', 210,
           "$name: a picture each 200 ms at least");

    my @late = grep { $_->{header} && !$_->{key} } $flow->packets('V');
    is(scalar @late, 0, "$name: headers at key frames");

    my ($gap, $where) = $flow->largest_gap;
    cmp_ok($gap, '<=', 1000, "$name: no arrival gap over 1 s")
        or diag("$gap ms before DTS $where");
}


# three requests of a second before there is a first item

my $url = $t->stub_list('PLslow', latency => 1, entries => [
    $t->stub_entry('slowitem001', 'a.mp4'),
]);

my $w = $t->watch('slow');
$t->wait_for(sub { $t->log_of('far') =~ /play: name='slow'/ }, 5);

my $from = $t->now;
$t->create('slow', $url, loop => JSON::PP::false);

my $p = $t->wait_picture($w, '1280x720');
ok($p, 'slow resolver: the slate') or diag($t->flow($w)->summary);
cmp_ok($p->{at} - $from, '<=', 2000, 'slow resolver: soon');
like($t->state('slow'), qr/^(?:resolving|starting)$/,
     'slow resolver: still starting');

$p = $t->wait_picture($w, '320x180');
ok($p && $p->{key}, 'slow resolver: then the item, from a key frame');
cmp_ok($p->{at} - $from, '>', 2500, 'slow resolver: it was slow');
ok($t->wait_state('slow', 'finished'), 'slow resolver: to the end');
cmp_ok($t->field('slow', 'dead_air_ms'), '>', 1000,
       'slow resolver: dead air is counted');
is($t->field('slow', 'output', 'reconnects'), 0, 'slow resolver: one session');

my $flow = $t->watched($w);
sound('slow resolver', $flow);
cmp_ok(scalar(my @v = $flow->of_picture('320x180')), '>=', 48,
       'slow resolver: all of the item');


# a source that pauses: 2 s are buffered, so this is seen 2 s later

my $list = $t->plain_list('stall', $t->media_url('long.mp4',
                                                 'pause=200000-5000'));
$w = $t->watch('stall');
$t->create('stall', $list);

ok($t->wait_state('stall', 'live'), 'stall: live');
my $dead = $t->field('stall', 'dead_air_ms');
ok($t->wait_state('stall', 'stalled'), 'stall: stalled');
cmp_ok($t->field('stall', 'item', 'index'), '==', 0, 'stall: the item stays');
ok($t->wait_state('stall', 'live'), 'stall: live again');

my $now = $t->now;
ok($t->wait_flow($w, sub {
    $_->last('V') && $_->last('V')->{at} > $now + 1500 }, 5),
   'stall: still on air');
cmp_ok($t->field('stall', 'dead_air_ms') - $dead, '>', 1000,
       'stall: dead air is counted');
is($t->field('stall', 'output', 'reconnects'), 0, 'stall: one session');
is($t->field('stall', 'playlist', 'failed'), 0, 'stall: no failure');
$t->api('DELETE', 'api/1/streams/stall');

$flow = $t->watched($w);
sound('stall', $flow);

my @h = $flow->headers('V');
cmp_ok(scalar @h, '>=', 3, 'stall: item, slate, item');
is($h[-2]{picture}, '320x180', 'stall: the slate has the form of the item');


# what was sent can be decoded

for my $file (glob $t->dir . '/far/record/*.flv') {
    my ($status, $out) = $t->command('ffmpeg', '-nostdin', '-v', 'error',
        '-xerror', '-i', $file, '-f', 'null', '-');
    is($status, 0, 'it decodes without an error') or diag($out);
}

$t->finish;
