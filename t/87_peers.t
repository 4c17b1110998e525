#!/usr/bin/perl

# Servers that want something before they take a push: a user and a password,
# in Adobe's manner, the arguments of an application, a look elsewhere; who is
# told what; and a session that is made anew when a server asks for it.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
my ($user, $password) = ('us er', 'p:a@s');
my $login = 'us%20er:p%3Aa%40s';

my $tls = $t->port;

my %at = map { $_ => '127.0.0.1:' . $t->port }
         qw(asks other wrong nobody inner open away trap loop clear anew plain);


sub server {
    my ($name, @args) = @_;

    my ($port) = $at{$name} =~ /(\d+)$/;

    $t->run("$name-server", $^X,
            "$DirectStream::Test::ROOT/t/tools/rtmp-server",
            '--log', "$t->{dir}/$name.json", '--port', $port, @args);
    return;
}


# what one was told: lines of a kind
sub told {
    my ($name, $what) = @_;

    my $log = $t->read_file("$name.json") || '';
    return grep { $_->{what} eq $what }
           map { $t->{json}->decode($_) } $log =~ /^(.*)\n/gm;
}


# with what application each connect came
sub apps {
    my ($name) = @_;
    return map { $_->{app} } told($name, 'connect');
}


sub names {
    my ($name) = @_;
    return join ' ', map { $_->{name} } told($name, 'publish');
}


sub output {
    my ($name) = @_;

    my ($o) = grep { $_->{name} eq $name }
                   @{ $t->field('tv', 'outputs') || [] };
    return $o || {};
}


sub is_up {
    my ($name) = @_;

    ok($t->wait_for(sub { (output($name)->{state} || '') eq 'up' }, 15),
       "$name: up") or diag(explain(output($name)));
    return;
}


sub is_down {
    my ($name, $re) = @_;

    ok($t->wait_for(sub { output($name)->{error} }, 15), "$name: down");
    is(output($name)->{error}{code}, 'push_rejected', "$name: its code");
    like(output($name)->{error}{message}, $re, "$name: why");
    return;
}


# pictures by their sums, without headers, of one connection
sub pictures {
    my ($name, $connection) = @_;

    return map { $_->{sum} }
           grep { $_->{type} eq 'V' && !$_->{header}
                  && $_->{connection} == $connection }
           told($name, 'media');
}


my @auth = ('--user', $user, '--password', $password);

server($_, @auth) for qw(asks other wrong nobody);
server('inner', @auth, '--needs', 'inner', '--from', 'live',
       '--redirect', "rtmp://$at{inner}/inner");
server('open');
server('away', '--redirect', "rtmp://$at{open}/edge?a=b");
server('trap', '--redirect', "rtmp://$at{other}/live");
server('loop', '--redirect', "rtmp://$at{loop}/live");
server('clear', '--redirect', "rtmp://$at{open}/clear");
server('anew', '--reconnect', 60);
server('plain');

# TLS before one of them

my ($status, $out) = $t->command('openssl', 'req', '-x509', '-newkey', 'ec',
    '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', 2,
    '-subj', '/CN=tls', '-addext', 'subjectAltName=DNS:localhost',
    '-keyout', "$t->{dir}/tls.key", '-out', "$t->{dir}/tls.crt");
is($status, 0, 'a certificate') or diag($out);

my $head = $t->head('tls', workers => 1);

$t->{nginx}{tls} = {
    name => 'tls', ports => [ $tls ], port => $tls,
    conf => $t->write_file('tls/nginx.conf', <<"END"),
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
$head
stream { server {
    listen               127.0.0.1:$tls ssl;
    ssl_certificate      $t->{dir}/tls.crt;
    ssl_certificate_key  $t->{dir}/tls.key;
    proxy_pass           $at{clear};
} }
END
};

$t->start_nginx('tls');

for my $name (keys %at) {
    $t->wait_for(sub { told($name, 'ready') }, 10, $name);
}

# what is built by others finds its way in, and only with the password

$t->media;

for ([ $password, 0 ], [ 'other', 1 ]) {
    my ($given, $fails) = @$_;
    my ($rc, $said) = $t->command(qw(timeout 20 ffmpeg -nostdin -v error -t 1
        -i), "$t->{dir}/www/long.mp4", qw(-c copy -f flv),
        "rtmp://$user:$given\@$at{asks}/live/FFMPEG");

    is($rc != 0 ? 1 : 0, $fails, "ffmpeg with \"$given\"") or diag($said);
}

is(names('asks'), 'FFMPEG', 'is taken once');
my $before = apps('asks');

# and we

my $list = $t->plain_list('peers', 'long.mp4', 'mid.mp4');

$t->near(directstream => <<"END");
push_trusted_certificate $t->{dir}/tls.crt;
stream tv {
    playlist $list;
    publish  none;
    push name=plain  rtmp://$at{plain}/live2?backup=1/KEY0;
    push name=anew   rtmp://$at{anew}/live/KEY1;
    push name=asks   rtmp://$login\@$at{asks}/live?x=1/KEY2;
    push name=wrong  rtmp://us%20er:WRONG\@$at{wrong}/live/KEY3;
    push name=nobody rtmp://$at{nobody}/live/KEY4;
    push name=inner  rtmp://$login\@$at{inner}/live/KEY5;
    push name=away   rtmp://$login\@$at{away}/live/KEY6;
    push name=trap   rtmp://$login\@$at{trap}/live/KEY7;
    push name=loop   rtmp://$at{loop}/live/KEY8;
    push name=clear  rtmps://localhost:$tls/live/KEY9;
}
END

is_up($_) for qw(plain anew asks inner away);
is_down('wrong', qr/does not take this user and password/);
is_down('nobody', qr/wants a user and a password/);
is_down('trap', qr/redirected to a server that wants a user and a password/);
is_down($_, qr/RTMP connect failed: NetConnection\.Connect\.Rejected/)
    for qw(loop clear);

is((apps('plain'))[0], 'live2?backup=1', 'arguments of the application');
is(names('plain'), 'KEY0', 'its key');

my @asked = (apps('asks'))[$before .. $before + 2];
is($asked[0], 'live?x=1', 'asks: as it is written');
is($asked[1], 'live?x=1&authmod=adobe&user=us%20er', 'asks: a user');
like($asked[2], qr{^live\?x=1&authmod=adobe&user=us%20er&challenge=\w+
                   &response=[\w+/]+=*&opaque=\S+$}x, 'asks: a response');
is(names('asks'), 'FFMPEG KEY2', 'asks: taken');

# the same server is told where else it sends to, another one is not

my @inner = apps('inner');
is($inner[0], 'live', 'inner: redirected');
is($inner[1], 'inner', 'inner: there');
like($inner[3], qr/^inner\?.*&response=/, 'inner: the same server is told');
is(names('inner'), 'KEY5', 'inner: taken');

is((apps('open'))[0], 'edge?a=b', 'away: where it says');
is(names('open'), 'KEY6', 'away: taken');
is(join(' ', grep { /authmod/ } apps('open'), apps('away'), apps('trap'),
        apps('other')), '', 'another server is told nothing of the user');
cmp_ok(scalar(apps('other')), '>', 0, 'trap: it was asked for');
is(names('other'), '', 'trap: and nothing came');

my @loop = grep { $_->{connection} <= 6 } told('loop', 'connect');
is(scalar @loop, 6, 'loop: an end of it');

cmp_ok(scalar(apps('clear')), '>', 0, 'clear: it was asked for');
unlike(join(' ', apps('open')), qr/clear/, 'clear: not from TLS to none');

# what is before the host's name goes nowhere

my $urls = join ' ', map { $_->{tc_url} } map { told($_, 'connect') } keys %at;
unlike($urls, qr/\@|p%3Aa|p:a|WRONG/, 'no password is in an address');

# a new session at a key frame, with all of it

ok($t->wait_for(sub { pictures('anew', 2) > 20 }, 20), 'anew: once more');

my ($begin) = grep { $_->{connection} == 2 && !$_->{header} }
              told('anew', 'media');
is("$begin->{type} $begin->{key} $begin->{time}", 'V 1 0',
   'anew: from a key frame, and time 0');

my @got = (pictures('anew', 1), (pictures('anew', 2))[0 .. 19]);
my @all;

ok($t->wait_for(sub {
    @all = pictures('plain', 1);
    return grep { $_ eq $got[-1] } @all;
}, 10), 'anew: to where another one is');

my ($from) = grep { $all[$_] eq $got[0] } 0 .. $#all;
is(join(' ', @got), join(' ', @all[$from .. $from + $#got]),
   'anew: not one is missing');
is(output('plain')->{reconnects}, 0, 'others do not feel it');

my ($caps) = map { $_->{caps} } told('plain', 'connect');
is($caps, 1, 'what Enhanced RTMP can be done is said');

my (undef, undef, $r) = $t->api('GET', 'api/1/streams/tv');
unlike($r->{content} . $t->log_of, qr/p%3Aa|WRONG|KEY\d/,
       'no secret in the API or the log');

$t->finish;
