#!/usr/bin/perl

# Outputs, each with its own fate: of one stream to six targets one hangs, one
# is closed again and again, one is not there; the others see nothing of it,
# and each of those is back soon after its target.  Primary and backup get the
# same.  DS_OUTPUTS_HANG: s for which one hangs.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;
use Digest::MD5 qw(md5_hex);


my $t = DirectStream::Test->new;
my $hang = $ENV{DS_OUTPUTS_HANG} || 8;


# an nginx-rtmp that takes a push, and can be made to drop it
sub target {
    my ($name, $record) = @_;

    my ($rtmp, $http) = ($t->port, $t->port);
    my $head = $t->head($name, workers => 1);
    my $dir = "$t->{dir}/$name";

    mkdir "$t->{dir}/$name";
    mkdir "$dir/record";
    chmod 0777, "$dir/record";
    $record = $record ? "record all; record_path $dir/record;" : '';

    $t->{nginx}{$name} = {
        name => $name, ports => [ $rtmp, $http ], port => $rtmp,
        conf => $t->write_file("$name/nginx.conf", <<"END"),
$head
rtmp { server { listen 127.0.0.1:$rtmp; out_queue 4096;
    application live2 { live on; $record }
} }
http { access_log off; server { listen 127.0.0.1:$http;
    location /control { rtmp_control all; }
} }
END
    };

    return ("rtmp://127.0.0.1:$rtmp/live2", "http://127.0.0.1:$http/control");
}


# of an output, as the status has it
sub output {
    my ($name, $field) = @_;

    my ($o) = grep { $_->{name} eq $name }
                   @{ $t->field('six', 'outputs') || [] };
    return $o && $field ? $o->{$field} : $o;
}


sub is_up {
    my ($name, $seconds) = @_;
    return $t->wait_for(sub { (output($name, 'state') || '') eq 'up' },
                        $seconds);
}


# the packets of a recorded FLV: [kind, size and sum, is it a key frame]
sub recorded {
    my ($dir) = @_;

    my ($file) = sort glob "$dir/record/*.flv";
    my $data = $t->read_file($file);
    my ($at, @found) = (13);

    while ($at + 11 <= length $data) {
        my ($type, $h, $l) = unpack 'C C n', substr $data, $at, 4;
        my $size = $h << 16 | $l;
        last if $at + 11 + $size + 4 > length $data;

        my $body = substr $data, $at + 11, $size;
        $at += 11 + $size + 4;

        # headers apart: nginx-rtmp may record them twice
        next unless ($type == 9 && $size > 1 && ord(substr $body, 1, 1) == 1)
                 || ($type == 8 && $size > 1 && ord(substr $body, 1, 1) == 1);

        push @found, [ $type, "$type $size " . md5_hex($body),
                       $type == 9 && ord($body) >> 4 == 1 ];
    }

    return @found;
}


sub rss {
    my ($kb) = $t->read_file('/proc/' . $t->relay_pid . '/status')
               =~ /^VmRSS:\s+(\d+)/m;
    return $kb;
}


my ($one) = target('one', 1);
my ($two) = target('two', 1);
my ($hangs) = target('hangs');
my ($closes, $control) = target('closes');
my ($refuses) = target('refuses');
my $listens = $t->port;
my $flv = "$t->{dir}/listens.flv";

$t->start_nginx($_) for qw(one two hangs closes);
my $ffmpeg = $t->run('ffmpeg', qw(ffmpeg -nostdin -v error -y -listen 1 -i),
                     "rtmp://127.0.0.1:$listens/app/key", qw(-c copy), $flv);

$t->media;
my $long = $t->dir . '/www/outputs.mp4';
DirectStream::Media::clip($long, 30 + $hang, '640x360', 44100,
                          '-g 25 -keyint_min 25 -bf 0 -b:v 6M -minrate 6M '
    . '-maxrate 6M -bufsize 1M -x264-params nal-hrd=cbr:filler=1', 40, 440);
my $list = $t->plain_list('outputs', 'outputs.mp4');

$t->near(http => 'location = /metrics { directstream_metrics; }',
         directstream => <<"END");
push_buffer 1m;
stream six {
    playlist $list;
    publish  none;
    push name=primary $one/KEY1;
    push name=backup  $two?backup=1/KEY2 role=backup;
    push name=hangs   $hangs/KEY3;
    push name=closes  $closes/KEY4;
    push name=refuses $refuses/KEY5;
    push name=listens rtmp://127.0.0.1:$listens/app/key;
}
END

my @watch = map { $t->watch($_->[0], url => $_->[1]) }
            [ 'one', "$one/KEY1" ], [ 'two', "$two/KEY2" ];

for my $name (qw(primary backup hangs closes listens)) {
    ok(is_up($name, 15), "$name: up") or diag(explain(output($name)));
}

ok($t->wait_for(sub { (output('refuses', 'state') || '') eq 'down' }, 5),
   'refuses: down');
is(output('refuses')->{error}{code}, 'push_refused', 'refuses: and why');
is(output('backup', 'role'), 'backup', 'backup: role');
like(output('backup', 'url'), qr{/live2/\*\*\*$}, 'backup: no key is shown');

# one hangs, one is closed again and again

ok($t->wait_flow($watch[0], sub { $_->count('V') > 25 }, 15), 'it is seen');

my $before = rss();
my ($pid) = $t->worker_pids($t->master_pid("hangs"));
kill 'STOP', $pid;

my ($closed, $end, $next) = (0, time + $hang, 0);
my ($most, $waiting) = (0, 0);

while (time < $end) {

    # a session that lasts is no reason to wait before the next
    if (time >= $next) {
        my $r = $t->{http}->get("$control/drop/publisher?app=live2&name=KEY4");
        $closed += $r->{content} || 0;
        $next = time + ($hang > 60 ? 20 : 2);
    }

    my $now = rss();
    $most = $now if $now > $most;
    $waiting = output('hangs', 'waiting')
        if output('hangs', 'waiting') > $waiting;
    Time::HiRes::sleep(2);
}

kill 'CONT', $pid;
ok(is_up('hangs', 12), 'hangs: up when its target goes on');
cmp_ok($closed, '>', 1, 'closes: it was closed');
ok(is_up('closes', 5), 'closes: up');
cmp_ok(output('closes', 'reconnects'), '>=', $closed - 1,
       'closes: connected again');
cmp_ok($waiting, '<', 20 << 20, 'hangs: what waits for it is bounded');
cmp_ok($most - $before, '<', 40 << 10, 'memory is bounded');
diag("closed $closed times, $waiting bytes waited, memory grew "
     . ($most - $before) . ' KiB');

# one whose target comes

$t->start_nginx('refuses');
my $at = Time::HiRes::time();
ok(is_up('refuses', 10), 'refuses: up with its target');
diag(sprintf 'up %.1f s after its target came', Time::HiRes::time() - $at);
my $late = $t->watch('refuses', url => "$refuses/KEY5");
my $p = $t->wait_packet($late, 10);
ok($p && $p->{key}, 'refuses: from a key frame on');

# what the others saw

for my $name (qw(primary backup listens)) {
    my $o = output($name);
    is("$o->{state} $o->{reconnects} $o->{dropped}", 'up 0 0',
       "$name: felt nothing");
}

for (0, 1) {
    my $flow = $t->watched($watch[$_]);
    my ($gap) = $flow->largest_gap;

    diag($flow->summary);
    cmp_ok(($flow->last('V') || { dts => 0 })->{dts}, '>', 1000 * $hang,
           "$_: it was seen all the time");
    is(join("\n", $flow->backward), '', "$_: no backward time stamp");
    is(join("\n", $flow->steps_over('V', 41)), '', "$_: no picture missing");
    is(join("\n", $flow->steps_over('A', 25)), '', "$_: no sound missing");
    diag("$_: largest gap $gap ms");
}

my @a = recorded("$t->{dir}/one");
my @b = recorded("$t->{dir}/two");
my $n = @a < @b ? @a : @b;

cmp_ok($n, '>', 40 * $hang, 'recorded');
ok($a[0][2] || $a[1][2], 'primary: begins with a key frame');
is(join("\n", map { $_->[1] } @b[0 .. $n - 1]),
   join("\n", map { $_->[1] } @a[0 .. $n - 1]),
   'backup: the same bytes from the same key frame on');

$t->stop_pid($ffmpeg);
cmp_ok(-s $flv, '>', 10_000, 'listens: ffmpeg has it');

my $metrics = $t->{http}->get($t->base . '/metrics')->{content};
my $hanging = '{stream="six",output="hangs"}';
my $first = '{stream="six",output="primary"}';
like($metrics, qr/^directstream_push_connected\Q$hanging\E 1$/m,
     'metrics: by output');
like($metrics, qr/^directstream_push_reconnects_total\Q$first\E 0$/m,
     'metrics: counters');

unlike($t->log_of, qr/KEY\d/, 'no key in the log');
$t->finish;
