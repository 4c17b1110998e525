#!/usr/bin/perl

# What happens to the cache: too small, full, read-only, killed in the middle
# of a write, damaged, wanted by two at a time, under pressure of many.  Each
# time the streams stay on air, the bound is kept, and nothing half-written is
# taken for whole.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;

use Time::HiRes qw(sleep);


use constant { STREAMS => 10, BOUND => 1024 * 1024 };

my $t = DirectStream::Test->new;
my $S = 'api/1/streams';
my $small = 'cache_max_size 1m; cache_min_free 0;';
my (%other, $cache);

$t->far;
$t->media;
$t->near(directstream => $small);
$cache = $t->state_path . '/cache';


# one clip under many names: each of them is another item
sub names {
    my ($clip, @names) = @_;

    for my $name (@names) {
        symlink DirectStream::Media::path($clip), $t->dir . "/www/$name";
    }

    return @names;
}


sub files {
    return glob "$cache/*.[01]";
}


# all that is there, also what is being written; it changes meanwhile
sub used {
    my ($n, @dirs) = (0, $cache);

    while (defined(my $dir = shift @dirs)) {
        for my $file (glob "$dir/*") {
            if (-d $file) {
                push @dirs, $file;

            } else {
                $n += -s _ || 0;
            }
        }
    }

    return $n;
}


sub kept {
    my ($status, $data) = $t->api('GET', 'api/1/cache?limit=1000');
    return $status == 200 ? $data : { entries => [], count => -1 };
}


sub drop_all {
    $t->api('DELETE', "$S/$_") for @_;
    $t->api('DELETE', "api/1/cache/$_->{key}") for @{ kept()->{entries} };

    return;
}


# the index and the directory say the same
sub whole {
    my ($what) = @_;

    my (%want, %have);

    for my $e (@{ kept()->{entries} }) {
        $want{ $e->{key} } = $e->{size};
    }

    for my $file (files()) {
        my ($key) = $file =~ m{/(\w+)\.[01]$};
        $have{$key} += -s $file;
    }

    is(join(' ', map { "$_:$have{$_}" } sort keys %have),
       join(' ', map { "$_:$want{$_}" } sort keys %want),
       "$what: what is kept is whole");
    return;
}


# many streams, and room for a third of what they play

my @many = map { "many$_" } 1 .. STREAMS;

for my $name (@many) {
    my @items = names('a.mp4', map { "$name-$_.mp4" } 1 .. 3);
    $t->create($name, $t->plain_list($name, @items), mode => 'hybrid',
               push => undef);
}

my ($most, $over) = (0, 0);

ok($t->wait_for(sub {
    my $n = used();
    $most = $n if $n > $most;
    return 10 <= grep { ($t->field($_, 'playlist', 'played') || 0) >= 5 }
                      @many;
}, 30), 'pressure: all streams play on');

is(join(' ', map { $t->state($_) } @many), join(' ', ('live') x STREAMS),
   'pressure: all are live');
is(join(' ', map { $t->field($_, 'playlist', 'failed') } @many),
   join(' ', (0) x STREAMS), 'pressure: nothing failed');
cmp_ok($most, '>', BOUND / 2, 'pressure: the cache is used');
cmp_ok($most, '<=', BOUND + 120_000, 'pressure: the bound is kept');
cmp_ok(kept()->{size}, '<=', BOUND, 'pressure: by the index, too');
my $hits = 0;
$hits += $t->field($_, 'cache', 'hits') for @many;
diag("pressure: at most $most bytes of " . BOUND . ", $hits hits, "
     . kept()->{count} . ' kept');
drop_all(@many);
whole('pressure');

# an item that has no room

$t->create('large', $t->plain_list('large', names('long.mp4', 'large.mp4'),
                                   'a.mp4'), mode => 'download');
ok($t->wait_state('large', 'live', 10), 'no room: it plays all the same');
ok(!$t->field('large', 'item', 'from_cache'), 'no room: direct');
cmp_ok(used(), '<=', BOUND + 120_000, 'no room: the bound is kept');
$t->api('PATCH', "$S/large", { mode => 'hybrid' });
$t->api('POST', "$S/large/skip");
ok($t->wait_for(sub { ($t->field('large', 'item', 'index') // 0) == 1 }, 10),
   'no room: and the next one');
drop_all('large');

# two want one item at the same moment

names('b.mp4', 'both.mp4');
my $both = $t->plain_list('both', $t->media_url('both.mp4', 'drip=60000'));
my @two = ('both1', 'both2');
$t->create($_, $both, mode => 'download') for @two;
ok($t->wait_state($_, 'live', 10), "two at once: $_ is live") for @two;
# a request is logged when it has been answered
my @gets;
$t->wait_for(sub { @gets = $t->read_file('media.log') =~ m{GET /both\.mp4}g },
             10, 'the request');
is(scalar @gets, 1, 'two at once: it is fetched once');
is(kept()->{count}, 1, 'two at once: and kept once');
drop_all(@two);
whole('two at once');

# a flipped bit

my $bit = $t->plain_list('bit', names('a.mp4', 'bit.mp4'));
$t->create('bit', $bit, mode => 'hybrid');
ok($t->wait_for(sub { $t->field('bit', 'item', 'from_cache') }, 10),
   'a flipped bit: it is kept');
$t->api('POST', "$S/bit/stop");
ok($t->wait_state('bit', 'stopped', 5), 'a flipped bit: stopped');

my ($file) = files();
open my $fh, '+<', $file or die "$file: $!\n";
sysseek $fh, 30_000, 0;
sysread $fh, my $byte, 1;
sysseek $fh, 30_000, 0;
syswrite $fh, chr(ord($byte) ^ 1);
close $fh;

$t->api('POST', "$S/bit/start");
ok($t->wait_state('bit', 'live', 10), 'a flipped bit: live');
ok(!$t->field('bit', 'item', 'from_cache'), 'a flipped bit: was found');
ok($t->wait_for(sub { $t->field('bit', 'item', 'from_cache') }, 10),
   'a flipped bit: kept anew');
drop_all('bit');

# killed in the middle of a write

names('two.mp4', 'mid.mp4');
$t->create('mid', $t->plain_list('mid',
    $t->media_url('mid.mp4', 'drip=60000')), mode => 'hybrid');
names('mid.mp4', 'resume.mp4');
$t->create('resume', $t->plain_list('resume',
    $t->media_url('resume.mp4', 'drip=90000')), mode => 'download');
ok($t->wait_for(sub {
    my ($f) = @{ $t->field('resume', 'fetching') || [] };
    return $t->field('mid', 'cache', 'keeping')
           && $f && $f->{bytes} > 270_000;
}, 20), 'killed: both are being written');

my ($fetch) = @{ $t->field('resume', 'fetching') };
is($fetch->{index}, 0, 'killed: the fetch is shown');
my $size = -s DirectStream::Media::path('mid.mp4');
ok(abs($fetch->{total} - $size) < $size / 5, "with about its size: $size");
cmp_ok($fetch->{speed}, '>', 5000, 'its speed');
cmp_ok($fetch->{eta}, '>', 0, 'and the time left');

my $relay = $t->relay_pid;
kill 'KILL', $relay;
$t->allow(qr/signal 9|process $relay exited/);
ok($t->wait_for(sub { ($t->field('mid', 'owner_pid') || 0) != $relay
                      && $t->state('mid') eq 'live' }, 10),
   'killed: live again');
ok($t->wait_state('resume', 'live', 20), 'killed: fetched after all');
like($t->read_file('near/error.log'),
     qr/"resume": fetch goes on at [24]\d{3} ms/,
     'killed: it went on at a key frame that was there');
ok($t->wait_for(sub { kept()->{count} == 2 }, 25),
   'killed: the other is kept at its next turn');
whole('killed');
drop_all('mid', 'resume');

# read-only

chmod 0500, $cache;
my @ro = names('a.mp4', 'ro1.mp4', 'ro2.mp4');
$t->create('ro', $t->plain_list('ro', @ro), mode => 'hybrid');
$t->create('rod', $t->plain_list('rod', @ro), mode => 'download');
ok($t->wait_state($_, 'live', 10), "read-only: $_ is live") for qw(ro rod);
ok($t->wait_for(sub { $t->field('ro', 'playlist', 'played') >= 2
                      && $t->field('rod', 'playlist', 'played') >= 2 }, 10),
   'read-only: both play on');

SKIP: {
    skip 'who is root may write anywhere', 1 if $> != 0 && -w $cache;
    is(kept()->{count}, 0, 'read-only: nothing is kept');
}

chmod 0700, $cache;
drop_all('ro', 'rod');

# a disk that is full

SKIP: {
    my $disk = $t->dir . '/disk';
    mkdir $disk;

    my ($rc) = $t->command(qw(mount -t tmpfs -o size=256k tmpfs), $disk);
    skip 'no tmpfs to be had', 6 if $rc != 0;

    my $old = $t->relay_pid;

    $t->near_write(directstream => "$small cache_path $disk/c;");
    $t->signal('HUP');
    ok($t->wait_for(sub { !grep { $_ == $old } $t->relay_pids }, 10),
       'full: another cache');

    $cache = "$disk/c";

    my @full = names('a.mp4', map { "full$_.mp4" } 1 .. 4);
    $t->create('full', $t->plain_list('full', @full), mode => 'hybrid');
    $t->create('fulld', $t->plain_list('fulld', @full), mode => 'download');

    ok($t->wait_for(sub {
        4 < $t->field('full', 'playlist', 'played')
        && 4 < $t->field('fulld', 'playlist', 'played') }, 20),
       'full: both play on');

    is($t->field($_, 'playlist', 'failed'), 0, "full: $_: nothing failed")
        for qw(full fulld);
    diag('full: ' . kept()->{count} . ' are kept');

    $t->api('DELETE', "$S/$_") for qw(full fulld);
    sleep 0.5;
    whole('full');

    $t->stop_nginx('near', 'QUIT');
    ($rc) = $t->command('umount', $disk);
    is($rc, 0, 'full: nothing has it open');
}

$t->finish;
