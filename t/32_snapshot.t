#!/usr/bin/perl

# The picture on air: the right one, in the right shape, made once a second;
# and what is answered when there is none.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;

$t->far;
$t->media;


sub clip {
    my ($name, $source, @x264) = @_;

    DirectStream::Media::ffmpeg($t->dir . "/www/$name", '-f', 'lavfi', '-i',
        $source, '-f', 'lavfi', '-i', 'sine=frequency=440:duration=30',
        qw(-c:v libx264 -preset ultrafast -tune zerolatency
           -profile:v baseline -pix_fmt yuv420p), @x264,
        qw(-c:a aac -ar 44100 -ac 2 -shortest -movflags +faststart));
    return;
}


# wide pixels; a picture larger than what is shown; each frame a key frame
clip('red.mp4', 'color=c=red:size=720x576:rate=10:duration=30,setsar=16/15',
     '-g', 10);
clip('grey.mp4', 'color=c=0xe0e0e0:size=1280x720:rate=10:duration=30', '-g',
     10);
clip('many.mp4', 'testsrc2=size=320x180:rate=25:duration=30', '-g', 1);

my $list = $t->stub_list('PLsnapshot', entries => [
    $t->stub_entry('snapitem001', 'red.mp4', duration => 30),
    $t->stub_entry('snapitem002', 'grey.mp4', duration => 30),
]);
my $many = $t->stub_list('PLmany', entries => [
    $t->stub_entry('snapitem003', 'many.mp4', duration => 30),
]);

$t->near(http => 'location /ro/ { directstream_admin; }');


sub snapshot {
    my ($name, $method) = @_;

    my ($status, $data, $r) = $t->api($method || 'GET',
                                      "api/1/streams/$name/snapshot.jpg");
    return ($status, $r->{content}, $r, $data);
}


# "WIDTHxHEIGHT", and the mean colour
sub look {
    my ($jpeg) = @_;

    my $file = $t->write_file('snapshot.jpg', $jpeg);

    my (undef, $size) = $t->command(qw(ffprobe -v error -show_entries),
        'stream=width,height', qw(-of csv=p=0:s=x), $file);
    my (undef, $rgb) = $t->command(qw(ffmpeg -nostdin -v error -i), $file,
        '-vf', 'scale=1:1:flags=area', qw(-f rawvideo -pix_fmt rgb24 -));

    chomp $size;
    return ($size, unpack 'C3', $rgb);
}


sub near_to {
    my ($got, $want, $what) = @_;

    is(scalar(grep { abs($got->[$_] - $want->[$_]) > 10 } 0 .. 2), 0, $what)
        or diag("@$got, not @$want");
    return;
}


# the picture of the item on air

my ($status) = $t->create('one', $list);
is($status, 201, 'created');
ok($t->wait_state('one', 'live'), 'live');

my ($s, $jpeg, $r) = snapshot('one');
is($s, 200, 'a picture') or diag($jpeg);
is($r->{headers}{'content-type'}, 'image/jpeg', 'type');
is($r->{headers}{'cache-control'}, 'no-store', 'not to be stored');

my ($size, @rgb) = look($jpeg);
is($size, '640x480', 'as wide as it is shown');
near_to(\@rgb, [ 254, 0, 0 ], 'red');

($s, $jpeg, $r) = snapshot('one', 'HEAD');
is($s, 200, 'HEAD');
is((snapshot('one', 'POST'))[0], 405, 'POST');

my $ro = $t->{http}->get($t->base . '/ro/api/1/streams/one/snapshot.jpg');
is($ro->{status}, 200, 'read-only');

# of the next one

ok($t->wait_for(sub { $t->field('one', 'next', 'ready') }, 10), 'next');
$t->api('POST', 'api/1/streams/one/skip');
ok($t->wait_for(sub { ($t->field('one', 'item', 'index') || 0) == 1 }, 10),
   'on air');

ok($t->wait_for(sub {
    (undef, $jpeg) = snapshot('one');
    ($size, @rgb) = look($jpeg);
    return $rgb[1] > 128;
}, 5), 'the picture changes with it');
is($size, '640x360', 'its shape');
near_to(\@rgb, [ 0xe0, 0xe0, 0xe0 ], 'grey');

# one a second

$t->create('many', $many);
ok($t->wait_state('many', 'live'), 'live');

my (%pictures, $n);
my $from = $t->now;

while ($t->now - $from < 3000) {
    ($s, $jpeg) = snapshot('many');
    last if $s != 200;
    $pictures{$jpeg}++;
    $n++;
}

is($s, 200, 'asked often');
cmp_ok($n, '>=', 10, 'very often');
cmp_ok(scalar keys %pictures, '<=', ($t->now - $from) / 1000 + 1,
       'one picture a second');
cmp_ok(scalar keys %pictures, '>=', 2, 'and a new one then');
($size) = look($jpeg);
is($size, '320x180', 'a small picture stays small');

# none

($s, undef, $r, my $p) = snapshot('none');
is($s, 404, 'an unknown stream');
is($p->{code}, 'stream_not_found', 'its code');

$t->api('POST', 'api/1/streams/many/stop');
ok($t->wait_state('many', 'stopped'), 'stopped');
($s, undef, $r, $p) = snapshot('many');
is($s, 503, 'a stopped stream');
is($p->{code}, 'snapshot_unavailable', 'its code');
is($r->{headers}{'content-type'}, 'application/problem+json', 'type');

# the relay worker hangs

my ($relay) = $t->relay_pids;
kill 'STOP', $relay;
$from = $t->now;
$t->wait_for(sub {
    ($s, undef, $r, $p) = snapshot('one');
    return $s == 503;
}, 6);
kill 'CONT', $relay;
is($s, 503, 'a relay worker that hangs');
like($p->{code}, qr/^(?:snapshot_unavailable|relay_down)$/, 'its code');
cmp_ok($t->now - $from, '<', 8000, 'in time');

ok($t->wait_for(sub { (snapshot('one'))[0] == 200 }, 10), 'and goes on');

$t->finish;
