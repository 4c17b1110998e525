#!/usr/bin/perl

# Streams of the file and of the API: the file wins, the log says so, what the
# file no longer has is gone from the store, too.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
$t->far;

my $one = $t->stub_list('PLsrc1', entries => [
    $t->stub_entry('twosources1', 'long.mp4', duration => 60),
]);
my $two = $t->stub_list('PLsrc2', entries => [
    $t->stub_entry('twosources2', 'long.mp4', duration => 60),
]);


sub rows {
    my ($rc, $out) = $t->command(
        'sqlite3', '-cmd', '.timeout 5000', '-readonly',
        $t->state_path . '/state.db',
        'SELECT name, is_static, running, playlist FROM stream ORDER BY name');
    return join ' ', map { s/https\S+list=//r } split /\n/, $out;
}


sub rows_are {
    my ($wanted, $name) = @_;

    $t->wait_for(sub { rows() eq $wanted }, 20);
    return is(rows(), $wanted, $name);
}


sub reload {
    my ($file) = @_;

    my %old = map { $_ => 1 } $t->relay_pids;
    $t->near_write(directstream => $file);
    $t->signal('HUP');
    ok($t->wait_for(sub { grep { !$old{$_} } $t->relay_pids }, 10),
       'reloaded');
    return;
}


$t->near(directstream => "stream file { playlist $one; }");

rows_are('file|1|1|PLsrc1', 'a stream of the file is in the store');
is(($t->create('api', $one))[0], 201, 'one of the API');
rows_are('api|0|1|PLsrc1 file|1|1|PLsrc1', 'is there, too');

for my $x ([ 'PATCH', { loop => JSON::PP::false } ], [ 'DELETE' ]) {
    my ($s, $data) = $t->api($x->[0], 'api/1/streams/file', $x->[1]);
    is("$s $data->{code}", '409 static_stream', "$x->[0] of a static one");
}

my ($s, $data) = $t->create('file', $two);
is("$s $data->{code}", '409 stream_exists', 'nor can it be made again');

is(scalar $t->api('POST', 'api/1/streams/file/stop'), 202, 'but stopped');
rows_are('api|0|1|PLsrc1 file|1|0|PLsrc1', 'for good');

# the same name in both: the file wins

ok($t->wait_state('api', 'live'), 'on air');
my $old = $t->field('api', 'owner_pid');
reload("stream file { playlist $one; } stream api { playlist $two; }");

$t->like_log(qr/\[warn\].*"api": made by the API, is now what the config/,
             'the log says that the file wins');
ok($t->wait_for(sub { ($t->status('api') || {})->{playlist} eq $two }, 5),
   'it has');
rows_are('api|1|1|PLsrc2 file|1|0|PLsrc1', 'also in the store');
ok($t->wait_for(sub { ($t->field('api', 'owner_pid') || 0) != $old
                      && $t->state('api') eq 'live' }, 10), 'it began anew');
is($t->state('file'), 'stopped', 'the other one is as it was');
is(scalar $t->api('DELETE', 'api/1/streams/api'), 409, 'and is static now');

# not in the file any more

reload('');
ok($t->wait_for(sub { $t->api('GET', 'api/1/streams/api') == 404 }, 5),
   'gone');
rows_are('', 'and from the store');

# the name is free, and the file may take it while nginx is down

is(($t->create('api', $one))[0], 201, 'made by the API again');
is(scalar $t->api('POST', 'api/1/streams/api/stop'), 202, 'and stopped');
$t->kill_all('near');
$t->near(directstream => "stream api { playlist $two; }");
ok($t->wait_for(sub { rows() eq 'api|1|0|PLsrc2' }, 5),
   'the file wins at a start, too');
is($t->state('api'), 'stopped', 'the wish is kept');

$t->kill_all('near');
$t->near;
is(scalar $t->api('GET', 'api/1/streams/api'), 404,
   'removed while nginx was down');
ok($t->wait_for(sub { rows() eq '' }, 5), 'also from the store');

# what another nginx has made is found: by a create, a delete and a reload

$t->create($_, $one, start => JSON::PP::false) for qw(first second third);
my $rows = rows();
$t->stop_nginx('near', 'QUIT');
$t->command('sqlite3', $t->state_path . '/state.db', ".backup '"
            . $t->dir . "/stub/backup.db'");
$t->start_nginx('near');
is(scalar $t->api('DELETE', "api/1/streams/$_"), 204, "$_ is deleted")
    for qw(first second third);

$t->command('sqlite3', $t->state_path . '/state.db',
            "ATTACH '" . $t->dir . "/stub/backup.db' AS b;"
            . ' INSERT INTO stream SELECT * FROM b.stream;'
            . ' INSERT INTO setting SELECT * FROM b.setting;');
rows_are($rows, 'rows that the zone has not');
is(scalar $t->api('GET', 'api/1/streams/first'), 404, 'it has not');

is(($t->create('first', $two))[0], 409, 'a create finds it');
is(($t->status('first') || {})->{playlist}, $one, 'and it is there, as it was');
is(scalar $t->api('DELETE', 'api/1/streams/second'), 204, 'so does a delete');
is(scalar $t->api('DELETE', 'api/1/streams/second'), 404, 'once');
is(scalar $t->api('DELETE', 'api/1/streams/none'), 404, 'of none it is a 404');

$t->signal('HUP');
ok($t->wait_for(sub { $t->state('third') eq 'stopped' }, 5),
   'a reload finds the third');
is(scalar $t->api('DELETE', "api/1/streams/$_"), 204, "$_ is deleted")
    for qw(first third);
rows_are('', 'none is left');

# two nginx on one state_path: one publisher

my $push = $t->push_url('both');
reload("stream both { playlist $one; push $push; }");
my $good = $t->read_file('near/nginx.conf');
ok($t->wait_state('both', 'live'), 'on air');
my $w = $t->watch('both');
ok($t->wait_packet($w), 'seen');

my $near = $t->{nginx}{near};
my $twin = { %$near, name => 'twin', pid => undef,
             http => $t->port, rtmp => $t->port };
$twin->{ports} = [ $twin->{http}, $twin->{rtmp} ];

(my $conf = $good) =~ s/127\.0\.0\.1:$near->{http}/127.0.0.1:$twin->{http}/g;
$conf =~ s/127\.0\.0\.1:$near->{rtmp}/127.0.0.1:$twin->{rtmp}/g;
my $dir = $t->dir;
$conf =~ s{$dir/near/(?!state)}{$dir/twin/}g;
mkdir "$dir/twin";
$twin->{conf} = $t->write_file('twin/nginx.conf', $conf);
$t->{nginx}{twin} = $twin;
$t->start_nginx('twin');

ok($t->wait_for(sub {
    $t->log_of('twin') =~ /"both": waiting for process \d+, which runs it/;
}, 5), 'the second one waits');
Time::HiRes::sleep(1);
is(scalar(my @h = $t->flow($w)->headers('V')), 1, 'one session');

my $from = $t->now;
$t->kill_all('near');
my $flow = $t->wait_flow($w, sub { $_->last('V')->{at} > $from + 500 }, 10);
ok($flow->last('V')->{at} > $from + 500, 'and takes over when the first dies');

$t->watched($w);
$t->stop_nginx('twin', 'QUIT');
$t->finish;
