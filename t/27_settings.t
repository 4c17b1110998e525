#!/usr/bin/perl

# What a stream is made to be: inherited from the block, set and changed by
# the API, kept over a crash; who pushes it; whose slate it has.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
$t->far;

my $url = $t->stub_list('PLset', entries => [
    $t->stub_entry('settings001', 'long.mp4', duration => 60),
]);

my $S = 'api/1/streams';
my @slate = map { $t->dir . "/slate$_.png" } 1, 2;

for my $file (@slate) {
    my ($rc, $out) = $t->command(qw(ffmpeg -v error -f lavfi -i
        color=gray:s=64x64 -frames:v 1), $file);
    is($rc, 0, 'a picture') or diag($out);
}

sub block {
    my ($slate, $rate) = @_;

    return <<"END";
    encodes 2; mode hybrid;
    slate $slate;
    video_rate $rate; audio_bitrate 96k; max_item_duration 1h;
    max_keyframe_interval 30s;
    stream heir { playlist $url; }
    stream own  { playlist $url; video_rate 24;
                  max_item_duration off; mode direct;
                  video_bitrate 2m; slate near.png;
                  push rtmps://127.0.0.1:9/app/SECRETKEY; }
END
}

$t->write_file('near/near.png', $t->read_file($slate[0]));
$t->near(directstream => block($slate[0], 25));


sub has {
    my ($name, $what, %want) = @_;

    my $got = $t->status($name);
    is($got->{$_}, $want{$_}, "$what: $_") for sort keys %want;

    return $got;
}


sub patch {
    my ($name, $body, $status, $what) = @_;

    my ($got, $data, $r) = $t->api('PATCH', "$S/$name", $body);
    is($got, $status, $what) or diag($r->{content});
    unlike($r->{content}, qr/SECRETKEY/, "$what: no key");

    return $data;
}


# a change that needs another run
sub again {
    my ($name, $body, $what) = @_;

    my $before = $t->field($name, 'since');

    patch($name, $body, 200, $what);
    ok($t->wait_for(sub {
        my $s = $t->status($name)->{status};
        return $s->{state} eq 'live' && $s->{since} ne $before;
    }, 10), "$what: another run is live");

    return;
}


# inherited

has('heir', 'inherited', mode => 'hybrid', slate => $slate[0],
    video_rate => 25,
    audio_bitrate => 96000, max_item_duration => 3600,
    max_keyframe_interval => 30, video_size => '1280x720');
has('own', 'its own', mode => 'direct', video_rate => 24,
    slate => $t->dir . '/near/near.png',
    audio_bitrate => 96000, max_item_duration => 0, video_bitrate => 2000000,
    push => 'rtmps://127.0.0.1:9/app/***', push_via => 'engine');

# by the API

my ($status, $made) = $t->create('api', $url, video_rate => 50,
    max_keyframe_interval => 2.5, push => undef);
is($status, 201, 'created');
has('api', 'of the block where not given', slate => $slate[0],
    video_rate => 50, audio_bitrate => 96000, max_item_duration => 3600,
    max_keyframe_interval => 2.5, push => undef, push_via => undef);

($status) = $t->create('full', $url, start => JSON::PP::false,
    video => 'encode', video_size => '1920x1080', video_rate => 60,
    video_bitrate => 6000000, audio_bitrate => 192000, audio_rate => 48000,
    max_keyframe_interval => 0, max_item_duration => 90.5,
    push => 'rtmp://127.0.0.1:9/app/SECRETKEY', push_via => 'engine');
is($status, 201, 'created with all of it');

my %full = (video => 'encode', video_size => '1920x1080', video_rate => 60,
    video_bitrate => 6000000, audio_bitrate => 192000, audio_rate => 48000,
    max_keyframe_interval => 0, max_item_duration => 90.5,
    push => 'rtmp://127.0.0.1:9/app/***', push_via => 'engine',
    slate => $slate[0]);
my $push = has('full', 'all of it', %full)->{status}{push};

is($push->{url}, 'rtmp://127.0.0.1:9/app/***', 'a push by the engine');
is($push->{via}, 'engine', 'and by nobody else');
ok(!$push->{connected}, 'stopped');
is($push->{error}, undef, 'without an error');

# another value is another run, the same one is not

ok($t->wait_state('api', 'live'), 'live');
my $since = $t->field('api', 'since');

patch('api', { loop => JSON::PP::false, video_rate => 50,
               max_item_duration => 3600, slate_on_air => 1 }, 400,
      'a field of the status');
patch('api', { loop => JSON::PP::false, video_rate => 50,
               max_item_duration => 3600 }, 200, 'nothing new but the loop');
Time::HiRes::sleep(0.5);
is($t->field('api', 'since'), $since, 'the same run');
again('api', { max_item_duration => 0 }, 'no longest duration');

# who pushes

my $data = patch('full', { push => 'rtmps://h/app/SECRETKEY' }, 200, 'rtmps');
is($data->{push_via}, 'engine', 'by the engine');
$data = patch('full', { push_via => 'rtmp' }, 400, 'not by nginx-rtmp');
is($data->{field}, 'push_via', 'the field');
$data = patch('full', { push => 'rtmp://h/app/SECRETKEY' }, 200, 'rtmp');
is($data->{push_via}, 'rtmp', 'by nginx-rtmp');
$data = patch('full', { push_via => 'engine' }, 200, 'the other way');
is($data->{push_via}, 'engine', 'by the engine');
is($data->{push}, 'rtmp://h/app/***', 'to the same target');
$data = patch('full', { push => 'rtmp://h/app/SECRETKEY2' }, 200, 'a new key');
is($data->{push_via}, 'engine', 'who pushes is as it was chosen');
$data = patch('full', { push => undef }, 200, 'no push');
is($data->{push_via}, undef, 'by nobody');
is($data->{status}{push}, undef, 'nor in the status');
$data = patch('full', { push_via => 'engine' }, 400, 'of nothing');
is($data->{field}, 'push_via', 'the field');
patch('full', { push => 'rtmp://127.0.0.1:9/app/SECRETKEY',
                push_via => 'engine' }, 200, 'as it was');

# kept

$t->kill_all('near');
$t->start_nginx('near');

has('full', 'after a crash', %full);
ok($t->wait_state('api', 'live'), 'live after a crash');

# on_publish: no redirect for what the engine pushes

again('api', { push => $t->push_url('api') }, 'push');

for my $via ('engine', 'rtmp') {
    again('api', { push_via => $via }, "via $via");

    my ($got, $location) = on_publish();
    is($got, $via eq 'rtmp' ? 302 : 200, "on_publish answers, via $via");
    is(defined $location ? 1 : 0, $via eq 'rtmp' ? 1 : 0, 'where to');
}


# asks as nginx-rtmp does, with the token that it has logged last
sub on_publish {
    my ($token) = $t->log_of
        =~ /.*publish: name='api' args='ds_token=(\w+)/s or return 403;

    my $r = HTTP::Tiny->new(max_redirect => 0)->post_form(
        "http://127.0.0.1:$t->{nginx}{near}{http}/directstream/on_publish",
        [ call => 'publish', app => 'live', name => 'api', addr => '127.0.0.1',
          ds_token => $token, ds_push => '127.0.0.1:1935' ]);

    return ($r->{status}, $r->{headers}{location});
}


# a reload: streams of the API have the block's slate, at their next start

$since = $t->field('api', 'since');
$t->near_write(directstream => block($slate[1], 20));
$t->signal('HUP');

ok($t->wait_for(sub { $t->status('heir')->{video_rate} == 20 }, 10),
   'reloaded');
has('heir', 'inherited', slate => $slate[1], video_rate => 20);
has('own', 'its own', slate => $t->dir . '/near/near.png', video_rate => 24);
has('full', 'of the API', %full, slate => $slate[1]);
has('api', 'of the API', slate => $slate[1], video_rate => 50);
is($t->field('api', 'since'), $since, 'which is not touched on air');

# one that is gone refuses a reload

unlink $slate[1];
$t->allow(qr/invalid file in "slate"/);
$t->signal('HUP');
ok($t->wait_for(sub { $t->log_of =~ /invalid file in "slate"/ }, 5),
   'a slate that is gone is refused');

# nginx-rtmp itself writes the target of a push

my @ours = grep { /: directstream / } split /\n/, $t->log_of;
unlike("@ours", qr/SECRETKEY/, 'no key in our log');

$t->finish;
