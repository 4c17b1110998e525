#!/usr/bin/perl

# The engine's own push over TLS: to a far end that nginx's stream module
# puts TLS in front of, which dies and comes back; then the nginx-rtmp that
# the stream is published to does.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
my ($key, $tls, $rtmp) = ('secret-KEY', $t->port, $t->port);

my ($status, $out) = $t->command('openssl', 'req', '-x509', '-newkey', 'ec',
    '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', 2,
    '-subj', '/CN=far', '-addext', 'subjectAltName=DNS:localhost',
    '-keyout', $t->dir . '/far.key', '-out', $t->dir . '/far.crt');
is($status, 0, 'a certificate') or diag($out);

my $head = $t->head('far', workers => 1);

$t->{nginx}{far} = {
    name => 'far', ports => [ $rtmp, $tls ], port => $rtmp,
    conf => $t->write_file('far/nginx.conf', <<"END"),
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
$head
rtmp { server { listen 127.0.0.1:$rtmp; out_queue 4096;
    application live2 { live on; }
} }
stream { server {
    listen               127.0.0.1:$tls ssl;
    ssl_certificate      $t->{dir}/far.crt;
    ssl_certificate_key  $t->{dir}/far.key;
    proxy_pass           127.0.0.1:$rtmp;
} }
END
};

$t->start_nginx('far');

my $far = "rtmp://127.0.0.1:$rtmp/live2";
my $publish = $t->far(name => 'local');
$t->{far} = $far;

my $url = $t->stub_list('PLtls', entries => [
    map { $t->stub_entry("tlsitem000$_", qw(a.mp4 b.mp4 d.mp4)[$_]) } 0 .. 2
]);

$t->near(directstream => <<"END");
push_trusted_certificate $t->{dir}/far.crt;
stream sec {
    playlist $url;
    publish  $publish;
    push     rtmps://localhost:$tls/live2/$key;
}
END

my $w = $t->watch($key);
my $local = $t->watch('sec', url => "$publish/sec");

ok($t->wait_state('sec', 'live'), 'live');
ok($t->wait_packet($w), 'video at the far end');
ok($t->wait_packet($w, 5, 'A'), 'audio at the far end');

my $flow = $t->wait_flow($w, sub {
    my $last = $_->last('V');
    $last && $last->{dts} - $_->first('V')->{dts} > 7000;
}, 20);

is(join("\n", $flow->backward), '', 'no backward time stamp');
is(join("\n", $flow->steps_over('V', 42)), '', 'video without a step');
ok($flow->first('V')->{key}, 'from a key frame');
$t->like_log(qr{pushing, url: "rtmps://localhost:$tls/live2/\*\*\*"},
             'the log says so');

# the far end dies

$t->kill_all('far');
$flow = $t->watched($w, 10);
my $last = $flow->last('V')->{dts};

$t->like_log(qr/push is down, trying again: push_(?:lost|refused|tls): /,
             'the loss is in the log');

my $from = $t->flow($local)->last('V')->{dts};
ok($t->wait_flow($local, sub { $_->last('V')->{dts} > $from + 3000 }, 10),
   'the local publish goes on');

# and comes back

$t->start_nginx('far');
$w = $t->watch($key, name => 'watch-again');

my $first = $t->wait_packet($w, 20);
ok($first && $first->{key}, 'pushed again, from a key frame');
$t->like_log(qr/pushing again, url/, 'the log says so');

# what was not sent meanwhile was kept
$from = $t->now;
ok($t->wait_flow($w, sub {
       my $p = $_->last('V');
       $p && $p->{at} > $from + 2000;
   }, 10), 'and it goes on');

$flow = $t->flow($w);
is(join("\n", $flow->backward), '', 'no backward time stamp');
is(join("\n", $flow->steps_over('V', 42)), '', 'video without a step');
is($first->{dts}, 0, 'a session begins at 0');
is($t->field('sec', 'push', 'dropped'), 0, 'with nothing dropped');

$flow = $t->flow($local);
my ($gap, $where) = $flow->largest_gap;
cmp_ok($gap, '<=', 200, 'the local publish has no arrival gap over 200 ms')
    or diag("$gap ms before DTS $where");
is(join("\n", $flow->backward), '', 'nor a backward time stamp');
is($t->field('sec', 'output', 'reconnects'), 0, 'and is one session');
diag($flow->summary);

# a new session there is none of the push

$t->kill_all('local');
$t->like_log(qr/output is down/, 'the local publish is down');
$t->start_nginx('local');
$t->like_log(qr/publishing again/, 'and up again');

$from = $t->now;
$flow = $t->wait_flow($w, sub { $_->last('V')->{at} > $from + 2000 }, 10);

is(join("\n", $flow->backward), '', 'the push has no backward time stamp');
cmp_ok($flow->last('V')->{at}, '>', $from, 'and goes on');
is(scalar(my @again = $t->log_of =~ /pushing again/g), 1,
   'in the same session');

# a stop ends the push too

is(scalar $t->api('POST', 'api/1/streams/sec/stop'), 202, 'stop');
ok($t->wait_state('sec', 'stopped', 5), 'stopped');
ok($t->wait_for(sub { $t->flow($w)->last('V')->{at} < $t->now - 500 }, 5),
   'nothing comes any more');

unlike($t->log_of, qr/$key/, 'the key is not in the log');

$t->finish;
