#!/usr/bin/perl

# state.db is moved, replaced, truncated, on a disk that is full and on one
# that has become read-only, while all three modes play: no process dies, and
# no stream leaves the air, as the far end sees it.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
my $state = $t->state_path;
my $db = "$state/state.db";
my @modes = qw(direct hybrid download);
my ($disk, @pids, %watch);


sub quiet {
    my ($rc) = $t->command(@_);
    return $rc == 0;
}


# a disk of its own, that can be filled, and fail
sub disk {
    my $image = $t->dir . '/image';

    return if $> != 0;

    mkdir $t->dir . '/near';
    mkdir $state;
    open my $fh, '>', $image or die "$image: $!\n";
    truncate $fh, 24 << 20;
    close $fh;

    quiet(qw(mkfs.ext4 -q -F), $image)
        && quiet('mount', '-o', 'loop,errors=remount-ro', $image, $state)
        or return;

    chmod 0700, $state;
    rmdir "$state/lost+found";

    my ($device) = ($t->command(qw(findmnt -no SOURCE), $state))[1]
                   =~ m{^/dev/(\w+)};
    return $device;
}


$disk = disk();

END { quiet('umount', '-l', $state) if $disk }

$t->far;
$t->media;
$t->near(directstream => 'cache_min_free 0; cache_max_size 8m;');

# what is kept comes and goes: there is always something to be written of it

for my $mode (@modes) {
    my @names = map { "$mode-$_.mp4" } 0 .. 19;

    symlink DirectStream::Media::path('a.mp4'), $t->dir . "/www/$_"
        for @names;
    $watch{$mode} = $t->watch($mode);
    $t->create($mode, $t->plain_list($mode, @names), mode => $mode);
}

ok($t->wait_packet($watch{$_}), "$_: on air") for @modes;
@pids = sort $t->relay_pids, $t->worker_pids;


sub plays {
    my ($what, $items) = @_;

    my %from = map { $_ => $t->field($_, 'playlist', 'played') || 0 } @modes;

    for my $mode (@modes) {
        ok($t->wait_for(sub {
            ($t->field($mode, 'playlist', 'played') || 0)
                >= $from{$mode} + $items;
        }, 20), "$what: $mode plays on");
    }

    is(join(' ', sort $t->relay_pids, $t->worker_pids), "@pids",
       "$what: no process has died");

    return;
}


sub move {
    my ($from, $to) = @_;

    for my $more ('', '-wal', '-shm') {
        rename "$from$more", "$to$more" if -e "$from$more";
    }

    return;
}


plays('before', 1);

move($db, "$db.away");
plays('moved', 1);

# another file, which is a database, and one that is none

quiet('sqlite3', $db, 'CREATE TABLE a (b); PRAGMA user_version = 3');
chown((stat "$db.away")[4, 5], $db);
plays('replaced', 1);

move($db, "$db.other");
$t->write_file($db, 'no database' x 4000);
chown((stat "$db.away")[4, 5], $db);
plays('no database', 1);

unlink $db;
move("$db.away", $db);
plays('moved back', 1);

# what is behind the WAL is gone

truncate $db, 0;
plays('truncated', 1);

SKIP: {
    skip 'needs root, and a loop device', 9 unless $disk;

    open my $fill, '>', "$state/fill" or die "$state/fill: $!\n";
    $fill->autoflush(1);
    1 while syswrite $fill, 'x' x 65536;
    1 while syswrite $fill, 'x' x 512;
    plays('full', 1);

    my $trigger = "/sys/fs/ext4/$disk/trigger_fs_error";

    if (open my $fh, '>', $trigger) {
        syswrite $fh, 'x';
        close $fh;
    }

    ok(!open(my $no, '>', "$state/no"), 'read-only: so it is');
    plays('read-only', 1);
    close $fill;
}

is(join(' ', map { $t->state($_) } @modes), 'live live live', 'all are live');
is(join(' ', map { $t->field($_, 'playlist', 'failed') } @modes), '0 0 0',
   'no item has failed');

for my $mode (@modes) {
    my $flow = $t->watched($watch{$mode});

    is(join("\n", $flow->backward), '', "$mode: no backward time stamp");
    is(join("\n", $flow->steps_over('V', 250)), '', "$mode: no step");
    cmp_ok(scalar(my @h = $flow->headers('V')), '>=', 1, "$mode: a session");
    diag("$mode: " . $flow->summary);
}

is(scalar(my @n = $t->log_of('far') =~ /publish: name='direct'/g), 1,
   'the session is the same all the time');

$t->finish;
