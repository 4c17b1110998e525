#!/usr/bin/perl

# Outputs that do not feel each other: the local session is dropped in the
# midst of a long group of pictures, and the engine's push has no hole; a
# stream that is pushed alone; a push whose host is not found keeps nobody
# off; a push by nginx-rtmp to an IPv6 address.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
my ($rtmp, $http, $six) = ($t->port, $t->port, $t->port);
my $head = $t->head('local', workers => 1);

$t->{nginx}{local} = {
    name => 'local', ports => [ $rtmp, $http ], port => $rtmp,
    conf => $t->write_file('local/nginx.conf', <<"END"),
$head
rtmp { server { listen 127.0.0.1:$rtmp; out_queue 4096;
    application live { live on; }
} }
http { access_log off; server { listen 127.0.0.1:$http;
    location /control { rtmp_control all; }
} }
END
};

$t->start_nginx('local');
$t->far;

$head = $t->head('six', workers => 1);
$t->{nginx}{six} = {
    name => 'six', ports => [], port => $six,
    conf => $t->write_file('six/nginx.conf', <<"END"),
$head
rtmp { server { listen [::1]:$six; application live2 { live on; } } }
END
};

# a key frame each 10 s
my $long = $t->dir . '/www/gop.mp4';
$t->media;
DirectStream::Media::clip($long, 40, '320x180', 44100,
                          '-g 250 -keyint_min 250 -bf 2', 40, 440);

my $list = $t->plain_list('outputs', 'gop.mp4');
my $local = "rtmp://127.0.0.1:$rtmp/live";

$t->near(directstream => <<"END");
stream alone {
    playlist $list;
    publish  none;
    push     $t->{far}/alone via=engine;
}
END


# what there is to be checked

for ([ 'publish', { publish => 'none', push => undef } ],
     [ 'publish', { publish => 'none', push_via => 'rtmp' } ])
{
    my ($field, $def) = @$_;
    my ($status, $data) = $t->api('POST', 'api/1/streams',
        { name => 'bad', playlist => $list,
          push => "$t->{far}/k", %$def });
    is($status, 400, 'the API refuses it as well');
    is($data->{errors} ? $data->{errors}[0]{field} : $data->{field}, $field,
       "for $field");
}


# a session that is dropped

my $w = $t->watch('both');
my ($status) = $t->create('both', $list, publish => $local,
                          push_via => 'engine');
is($status, 201, 'both: created');

ok($t->wait_flow($w, sub {
    $_->last('V') && $_->last('V')->{dts} - $_->first('V')->{dts} > 2500
}, 15), 'both: pushed');

my $r = $t->{http}->get("http://127.0.0.1:$http/control/drop/publisher"
                        . '?app=live&name=both');
is($r->{content}, '1', 'both: the local session is dropped');
$t->like_log(qr/"both": output is down, trying again: output_lost/,
             'both: that is said');
$t->like_log(qr/"both": publishing again/, 'both: it is back');

my $again = $t->watch('both-local', url => "$local/both");
my $p = $t->wait_packet($again, 15);
ok($p && $p->{key}, 'both: from a key frame on');
is($t->field('both', 'output', 'reconnects'), 1, 'both: one reconnect');
is($t->field('both', 'push', 'reconnects'), 0, 'both: none of the push');

my $flow = $t->watched($w);
diag($flow->summary);
cmp_ok($flow->last('V')->{dts} - $flow->first('V')->{dts}, '>', 8000,
       'both: pushed until then');
is(join("\n", $flow->backward), '', 'both: no backward time stamp');
is(join("\n", $flow->steps_over('V', 41)), '', 'both: the push has no hole');
is(join("\n", $flow->steps_over('A', 25)), '', 'both: nor has its sound');
$t->api('DELETE', 'api/1/streams/both');


# no local session at all

ok($t->wait_state('alone', 'live'), 'alone: live');

my $s = $t->status('alone');
is($s->{publish}, 'none', 'alone: publish');
$s = $s->{status};
ok($s->{output}{connected} && $s->{push}{connected}, 'alone: connected');
like($s->{output}{url}, qr{/live2/\*\*\*$}, 'alone: to the target');
cmp_ok($s->{output}{bytes}, '>', 0, 'alone: bytes');
($status) = $t->api('GET', 'api/1/streams/alone/snapshot.jpg');
is($status, 200, 'alone: a picture of it');

$t->kill_all('far');
ok($t->wait_state('alone', 'stalled'), 'alone: stalled without the target');
ok($t->wait_for(sub {
       ($t->field('alone', 'error', 'code') || '') =~ /^push_/ }, 10),
   'alone: and why');

my $at = $t->field('alone', 'item', 'position');
$t->start_nginx('far');
ok($t->wait_state('alone', 'live', 20), 'alone: live again');
cmp_ok($t->field('alone', 'item', 'position') - $at, '<', 4,
       'alone: the item has waited');
cmp_ok($t->field('alone', 'push', 'waiting'), '>=', 0,
       'alone: what waits is told');
unlike($t->log_of('local') . $t->log_of, qr/publish: name='alone'/,
       'alone: nothing was published here');

is(scalar $t->api('PATCH', 'api/1/streams/alone', { loop => \0 }), 409,
   'alone: of the configuration');
is(scalar $t->api('POST', 'api/1/streams/alone/stop'), 202, 'alone: stop');
ok($t->wait_state('alone', 'stopped', 5), 'alone: stopped');


# a name that is not there, and an address of six

$t->create('lost', $list, push => 'rtmp://no.such.host.invalid/live2/k',
           push_via => 'rtmp');
ok($t->wait_state('lost', 'live'), 'lost: live without its push');
$t->like_log(qr/"lost": push is down, trying again: push_dns/,
             'lost: that is said');
is($t->field('lost', 'error', 'code'), 'push_dns', 'lost: in the status too');
$t->api('DELETE', 'api/1/streams/lost');

$t->start_nginx('six');
$w = $t->watch('six', url => "rtmp://[::1]:$six/live2/six");
$t->create('six', $list, push => "rtmp://[::1]:$six/live2/six",
           push_via => 'rtmp');
ok($t->wait_packet($w), 'six: pushed by nginx-rtmp');

my $e = $t->watch('engine', url => "rtmp://[::1]:$six/live2/engine");
$t->create('engine', $list, push => "rtmp://[::1]:$six/live2/engine",
           push_via => 'engine');
$p = $t->wait_packet($e);
ok($p, 'six: and by the engine');

$t->finish;
