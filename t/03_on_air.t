#!/usr/bin/perl

# From a playlist to the far end: items of one URL and of two, pushed by
# nginx-rtmp after on_publish's redirect; a publisher who is not ours is
# refused.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
$t->far;

my $url = $t->stub_list('PLair', entries => [
    $t->stub_entry('airitem0001', 'a.mp4'),
    $t->stub_entry('airitem0002', ['two.video.mp4', 'two.audio.m4a'],
                   chunk => 65536, headers => { 'X-Test' => 'yes' }),
    $t->stub_entry('airitem0003', 'd.mp4'),
]);

$t->near;
my $w = $t->watch('air');

my ($status) = $t->create('air', $url);
is($status, 201, 'created');
ok($t->wait_state('air', 'live'), 'live');
ok($t->wait_packet($w), 'video at the far end');
ok($t->wait_packet($w, 5, 'A'), 'audio at the far end');

my $s = $t->status('air')->{status};
ok($s->{output}{connected}, 'connected');
unlike($s->{output}{url} || '', qr/ds_token/, 'no token in the status');
like($s->{item}{id}, qr/^airitem000\d$/, 'the item on air');

# the whole list and its first item again

my $flow = $t->wait_flow($w, sub {
    my $last = $_->last('V');
    $last && $last->{dts} - $_->first('V')->{dts} > 9500;
}, 25);

is(join("\n", $flow->backward), '', 'no backward time stamp');
is(join("\n", $flow->steps_over('V', 42)), '', 'video without a step');
is(join("\n", $flow->steps_over('A', 26)), '', 'audio without a step');
cmp_ok(scalar(my @h = $flow->headers('V')), '>=', 3, 'new video headers');
diag($flow->summary);

ok($t->wait_for(sub { ($t->field('air', 'playlist', 'played') || 0) >= 3 },
                10), 'three were played');

my @media = grep { /two\.video/ } split /\n/, $t->read_file('media.log');
cmp_ok(scalar @media, '>', 1, 'read in ranges');

# somebody else

my ($rc, $out) = $t->command('timeout', 20, 'ffmpeg', '-nostdin', '-v',
    'error', '-re', '-i', DirectStream::Media::path('a.mp4'), '-c', 'copy',
    '-f', 'flv', $t->near_rtmp . '/air');
isnt($rc, 0, 'a foreign publisher under our name is refused');

($rc, $out) = $t->command('timeout', 20, 'ffmpeg', '-nostdin', '-v', 'error',
    '-i', DirectStream::Media::path('a.mp4'), '-c', 'copy', '-f', 'flv',
    $t->near_rtmp . '/air?ds_token=0123456789abcdef');
isnt($rc, 0, 'and with a token that is made up');

($rc, $out) = $t->command('timeout', 20, 'ffmpeg', '-nostdin', '-v', 'error',
    '-i', DirectStream::Media::path('a.mp4'), '-c', 'copy', '-f', 'flv',
    $t->near_rtmp . '/other');
is($rc, 0, 'another name is none of our business') or diag($out);

is($t->state('air'), 'live', 'still live');
my $now = $t->now;
ok($t->wait_flow($w, sub {
    $_->last('V') && $_->last('V')->{at} > $now + 500 }, 5),
   'still on air');
is(join("\n", $t->flow($w)->backward), '', 'no backward time stamp');

is(scalar $t->api('POST', 'api/1/streams/air/stop'), 202, 'stop');
ok($t->wait_state('air', 'stopped', 5), 'stopped');
ok($t->wait_for(sub { !$t->resolver_pids }, 3), 'no resolver left');

$t->finish;
