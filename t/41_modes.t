#!/usr/bin/perl

# The modes: what was sent is kept and plays on without resolver, network and
# encoder; what has segments alone is fetched whole; a stream changes from any
# mode to any other on air; what is kept is listed and removed.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;

use Time::HiRes qw(sleep);


my $t = DirectStream::Test->new;
my $C = 'api/1/cache';
my @five = qw(a b e f d);

$t->far;
$t->media;

$t->near(directstream => "directstream_log asrun.log json; video_size 320x180;",
         http => 'location = /directstream/metrics { directstream_metrics; }');

my $cache = $t->state_path . '/cache';
my $mode = (stat $cache)[2] & 07777;
is(sprintf('%o', $mode), '700', 'the directory is the workers\' alone');
is((stat _)[4], (stat $t->state_path)[4], 'and theirs');


sub kept {
    my ($query) = @_;

    my ($status, $data, $r) = $t->api('GET', $C . ($query || ''));
    is($status, 200, 'the cache is listed') or diag($r->{content});

    return $data;
}


sub metric {
    my ($name, $stream) = @_;

    my $r = $t->{http}->get($t->base . '/directstream/metrics');
    my $label = $stream ? "\\{stream=\"$stream\"\\}" : '';

    return $r->{content} =~ /^directstream_$name$label (\S+)$/m ? $1 : undef;
}


# of the relay worker itself, ms
sub cpu {
    my ($text) = $t->read_file('/proc/' . $t->relay_pid . '/stat')
                 =~ /\) (.*)/s;
    my @f = split ' ', $text;

    return ($f[11] + $f[12]) * 10;
}


# the relay worker's time until so many items have been played
sub cost {
    my ($name, $items) = @_;

    my $from = $t->field($name, 'playlist', 'played');
    my $cpu = cpu();

    ok($t->wait_for(sub {
        $t->field($name, 'playlist', 'played') >= $from + $items;
    }, 3 * $items + 5), "$name: $items more items");

    return cpu() - $cpu;
}


sub played {
    my ($name, $n, $seconds) = @_;

    return $t->wait_for(sub { $t->field($name, 'playlist', 'played') >= $n },
                        $seconds || 20, "$name: $n items");
}


# direct, as a measure; nothing is looked for or kept

my $list = sub {
    my ($name) = @_;

    return $t->stub_list($name, entries => [
        map { $t->stub_entry("item-$_", "$_.mp4") } @five ]);
};

$t->create('copy', $list->('PLcopy'));
ok($t->wait_state('copy', 'live'), 'direct: live');
my $copy = cost('copy', 5);
is($t->field('copy', 'cache', $_), 0, "direct: no $_") for qw(hits misses);
is(kept()->{count}, 0, 'direct: nothing is kept');
$t->api('DELETE', 'api/1/streams/copy');

# hybrid: encoded once, kept, and then on its own

my $w = $t->watch('keep');
$t->create('keep', $list->('PLkeep'), mode => 'hybrid', video => 'encode');
ok($t->wait_packet($w), 'hybrid: on air');
my $encode = cost('keep', 5);
is($t->wait_for(sub { $t->api('GET', $C);
                      (my @f = glob "$cache/*.0") >= 5 }, 5), 1,
   'hybrid: five files');

my $k = kept();
is($k->{count}, 5, 'hybrid: five are kept');
is($k->{max_size}, 10 * 1024 ** 3, 'the bound');
is($k->{size}, eval { my $n = 0; $n += -s for glob "$cache/*.?"; $n },
   'their size');

$t->stop_pid(delete $t->{media_pid});
chmod 0644, $t->dir . '/yt-dlp-stub';

my $calls = $t->stub_calls;
my $in = $t->field('keep', 'bytes_in');
my $cut = $t->now;
my $misses = $t->field('keep', 'cache', 'misses');

# what was read ahead when the network went is over
ok($t->wait_for(sub { $t->field('keep', 'item', 'from_cache') }, 8),
   'hybrid: from the cache');
my $again = cost('keep', 5);

is(scalar(my @c = $t->stub_calls), $calls, 'hybrid: no resolver call');
is($t->field('keep', 'bytes_in'), $in, 'hybrid: nothing was read');
is($t->field('keep', 'playlist', 'failed'), 0, 'hybrid: nothing failed');
is($t->field('keep', 'cache', 'misses'), $misses, 'hybrid: all was found');
cmp_ok($t->field('keep', 'cache', 'hits'), '>=', 5, 'hybrid: hits');
cmp_ok($again, '<=', $copy + 60, 'hybrid: for no more than a copy')
    or diag("$again ms, a copy $copy ms");
cmp_ok($again, '<', $encode / 2, 'hybrid: far less than an encode');
diag("CPU of five items: direct copy $copy ms, hybrid, first pass, encoded"
     . " $encode ms, second pass $again ms");

my $flow = $t->flow($w);
is(join("\n", $flow->backward), '', 'hybrid: no backward time stamp');
$flow = $flow->between($cut, $t->now);
cmp_ok($flow->largest_gap, '<', 200, 'hybrid: no gap without the network');
cmp_ok($flow->largest_step('V'), '<', 100, 'hybrid: nor a step');
diag($flow->summary);

is(metric('cache_entries'), 5, 'metrics: entries');
is(metric('cache_size_bytes'), $k->{size}, 'metrics: size');
cmp_ok(metric('cache_hits_total', 'keep'), '>=', 5, 'metrics: hits');
is(metric('cache_misses_total', 'keep'), $misses, 'metrics: misses');

my @runs = grep { $_->{stream} eq 'keep' }
           map { $t->{json}->decode($_) }
           split /\n/, $t->read_file('near/asrun.log');
is(scalar(grep { $_->{from_cache} } @runs[0 .. 4]), 0,
   'as run: the first five are not from the cache');
cmp_ok(scalar(grep { $_->{from_cache} } @runs), '>=', 5,
       'as run: the second pass is');

$t->api('POST', 'api/1/streams/keep/stop');
$t->wait_state('keep', 'stopped', 5);
chmod 0755, $t->dir . '/yt-dlp-stub';
$t->watched($w);

# the API of the cache

my $entry = $k->{entries}[0];
like($entry->{key}, qr/^[0-9a-f]{32}$/, 'an entry\'s key');
like($entry->{id}, qr/^item-[a-f]$/, 'its id');
like($entry->{form}, qr/^encode 320x180 /, 'its form');
ok(-f "$cache/$entry->{key}.0", 'its file');
is(-s _, $entry->{size}, 'its size');
is(scalar @{ kept('?offset=3&limit=2')->{entries} }, 2, 'a part of the list');
is(scalar @{ kept('?offset=9')->{entries} }, 0, 'beyond its end');
is(scalar $t->api('DELETE', "$C/$entry->{key}"), 204, 'removed');
ok(!-e "$cache/$entry->{key}.0", 'and its file');
is(scalar $t->api('DELETE', "$C/$entry->{key}"), 404, 'once');
like(scalar $t->api('DELETE', "$C/$_"), qr/^40[04]$/, 'no way out')
    for '../../../state.db', '..%2f' x 10 . 'aa', 'Z' x 32;
is(kept()->{count}, 4, 'four are left');

# download, of what has segments alone; the modes are changed meanwhile

$t->{media} = undef;
unlink $t->dir . '/media.port';

for my $n (1 .. 3) {
    my $clip = DirectStream::Media::path("$five[$n].mp4");

    my ($rc, $out) = $t->command(qw(ffmpeg -nostdin -v error -i), $clip,
        qw(-c copy -f hls -hls_time 1 -hls_list_size 0), '-y',
        $t->dir . "/www/hls$n.m3u8");
    is($rc, 0, "segments of item $n") or diag($out);
}

$t->media;
my @hls = map { $t->media_url("hls$_.m3u8") } 1 .. 3;

my $change = $t->watch('change');
my $six = $t->plain_list('six', map { "$_.mp4" } qw(a b e f d c));
$t->create('change', $six);

# one that does not change, as a measure of what the machine is up to
my $calm = $t->watch('calm');
$t->create('calm', $six);
ok($t->wait_packet($_), 'changes: on air') for $change, $calm;
ok(played('change', 1), 'changes: one item');
my $began = $t->now;

my $v = $t->watch('hls');
$t->create('hls', $t->plain_list('segments', @hls), mode => 'download');

# all six pairs

my $since = $t->status('change')->{status}{since};
my $n = $t->field('change', 'playlist', 'played');

for my $mode (qw(download hybrid direct hybrid download direct)) {
    my ($status, $data) = $t->api('PATCH', 'api/1/streams/change',
                                  { mode => $mode });
    is($status, 200, "changes: to $mode");
    is($data->{mode}, $mode, 'changes: at once');
    $n = $t->field('change', 'playlist', 'played');
    played('change', $n + 2);
}

is($t->status('change')->{status}{since}, $since, 'changes: one run');
is($t->field('change', 'playlist', 'failed'), 0, 'changes: nothing failed');
$flow = $t->flow($change);
is(join("\n", $flow->backward), '', 'changes: no backward time stamp');
$flow = $flow->between($began, $t->now);

my $limit = $t->flow($calm)->between($began, $t->now)->largest_gap + 50;
$limit = 200 if $limit < 200;
cmp_ok($flow->largest_gap, '<', $limit, 'changes: no gap');
is(join("\n", $flow->steps_over('V', 200)), '', 'changes: nor a step');
diag($flow->summary);

is($t->field('hls', 'playlist', 'failed'), 0, 'download: nothing failed');
ok($t->field('hls', 'item', 'from_cache'), 'download: from the cache');
my $first = $t->wait_packet($v);
my @pictures = $t->flow($v)->of_picture('320x180');
$flow = $t->flow($v)->between($pictures[0]{at}, $t->now);
cmp_ok($flow->largest_gap, '<', $limit, 'download: no gap');
is(join("\n", $t->flow($v)->backward), '', 'download: no backward stamp');
diag($flow->summary);

# the mode is durable; the second start is at once

$t->kill_all('near');
$t->stop_pid(delete $t->{media_pid});
$t->start_nginx('near');
is($t->status('hls')->{mode}, 'download', 'the mode is durable');
is($t->status('change')->{mode}, 'direct', 'as it was changed');

$t->finish;
