#!/usr/bin/perl

# Outputs by the API: defined, changed, stopped, started and restarted without
# the others, and the stream, noticing; secrets that come back masked; what a
# restart of nginx and a reload leave of it; "push", for who knows of one.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;
use DirectStream::Events;


my $t = DirectStream::Test->new;
$t->far;
$t->media;

my $long = $t->dir . '/www/outputs.mp4';
DirectStream::Media::clip($long, 60, '320x180', 44100,
                          '-g 25 -keyint_min 25 -bf 0', 40, 440);
my $list = $t->plain_list('outputs', 'outputs.mp4');
my $key = $t->write_file('key', "KEYF\n");
chmod 0644, $key;

sub conf {
    return <<"END";
stream fixed {
    playlist $list;
    publish  none;
    push name=a $t->{far}/KEYA via=engine;
    push name=b $t->{far} key_file=$key role=backup;
}
END
}

$t->near(directstream => conf());

my $S = 'api/1/streams';


sub output {
    my ($stream, $name) = @_;

    my ($o) = grep { $_->{name} eq $name }
                   @{ $t->field($stream, 'outputs') || [] };
    return $o || {};
}


sub wait_output {
    my ($stream, $name, $state, $what) = @_;

    ok($t->wait_for(sub { (output($stream, $name)->{state} || '') eq $state },
                    10), $what) or diag(explain($t->status($stream)));
}


sub names {
    my ($data) = @_;
    return join ' ', map { "$_->{name}:$_->{role}:$_->{via}:"
                           . ($_->{stopped} ? 's' : '-') }
                         @{ $data->{outputs} };
}


sub refused {
    my ($field, $body, $what) = @_;

    my ($status, $data, $r) = $t->api('POST', $S,
        { name => 'bad', playlist => $list, %$body });
    is($status, 400, "refused: $what");
    is($data->{errors} ? $data->{errors}[0]{field} : $data->{field}, $field,
       "names $field");
    unlike($r->{content}, qr/KEYKEY/, 'shows no key');
}


# of the configuration

$t->like_log(qr/holds a key and others may read it/, 'key_file: advice');
wait_output('fixed', 'a', 'up', 'fixed: up');
wait_output('fixed', 'b', 'up', 'fixed: up with a key of a file');
is(names($t->status('fixed')), 'a:primary:engine:- b:backup:engine:-',
   'fixed: as defined');
my $by_key = $t->watch('b', url => "$t->{far}/KEYF");
ok($t->wait_packet($by_key, 15), 'fixed: at the key of the file');

# by the API

my ($status, $data) = $t->api('POST', $S, { name => 'api', playlist => $list,
    publish => 'none', outputs => [
        { url => "$t->{far}/KEY1" },
        { name => 'two', url => "$t->{far}/KEY2", role => 'backup' },
    ] });
is($status, 201, 'created');
is(names($data), 'push:primary:engine:- two:backup:engine:-', 'as asked for');
is($data->{push}, "$t->{far}/***", 'push: the first one');
is($data->{push_via}, 'engine', 'push_via: the first one\'s');

my $events = DirectStream::Events->new($t);
wait_output('api', 'push', 'up', 'up');
wait_output('api', 'two', 'up', 'both');
my $w = $t->watch('one', url => "$t->{far}/KEY1");
ok($t->wait_packet($w, 15), 'it is seen');

my $since = $t->field('api', 'since');
my $first = output('api', 'push')->{since};
like($first, qr/^\d{4}-\d\d-\d\dT/, 'since when');

is(scalar $t->api('POST', "$S/api/outputs/two/stop"), 202, 'stop');
wait_output('api', 'two', 'stopped', 'stopped');
ok($t->wait_for(sub { !output('api', 'two')->{connected} }, 5),
   'and not connected');
is(scalar $t->api('POST', "$S/api/outputs/two/stop"), 202, 'stop once more');
is(scalar $t->api('POST', "$S/api/outputs/two/start"), 202, 'start');
wait_output('api', 'two', 'up', 'up again');

my $reconnects = output('api', 'two')->{reconnects};
is(scalar $t->api('POST', "$S/api/outputs/two/restart"), 202, 'restart');
ok($t->wait_for(sub {
    my $o = output('api', 'two');
    $o->{state} eq 'up' && $o->{reconnects} == $reconnects + 1 }, 10),
   'it has begun again');
is(scalar $t->api('POST', "$S/api/outputs/none/$_"), 404, "$_: of none")
    for qw(start stop restart);
is(scalar $t->api('POST', "$S/none/outputs/two/$_"), 404, "$_: of no stream")
    for qw(start stop restart);

# the array is replaced whole, what is masked stays

($status, $data) = $t->api('PATCH', "$S/api", { outputs => [
    @{ $t->status('api')->{outputs} },
    { name => 'three', url => "$t->{far}/KEY3", stopped => JSON::PP::true },
] });
is($status, 200, 'what was shown, and one more');
is(names($data), 'push:primary:engine:- two:backup:engine:- '
                 . 'three:primary:engine:s', 'added, and stopped');
is(scalar $t->api('POST', "$S/api/outputs/three/start"), 202, 'started');
wait_output('api', 'three', 'up', 'it is up');

is(scalar $t->api('POST', "$S/api/outputs/two/stop"), 202, 'stop');
($status, $data) = $t->api('PATCH', "$S/api", { outputs => [
    { name => 'two', url => "$t->{far}/***" },
    { name => 'push', url => "$t->{far}/***", role => 'backup',
      via => 'engine' },
] });
is(names($data), 'two:primary:engine:s push:backup:engine:-',
   'in another order, one less, stopped as it was');

is($t->field('api', 'since'), $since, 'the stream has gone on');
is(output('api', 'push')->{since}, $first, 'and so has the first');
is(output('api', 'push')->{reconnects}, 0, 'all the time');

ok($t->wait_flow($w, sub { $_->count('V') > 100 }, 15), 'it is seen');
my $flow = $t->watched($w);
is(join("\n", $flow->steps_over('V', 41)), '', 'no picture missing');

# what is refused

my $k = "$t->{far}/KEYKEY";
refused('outputs', { outputs => {} }, 'no array');
refused('outputs', { outputs => [ 1 ] }, 'no object');
refused('url', { outputs => [ { name => 'a' } ] }, 'no url');
refused('url', { outputs => [ { url => 'http://h/KEYKEY' } ] }, 'http');
refused('url', { outputs => [ { url => "$t->{far}/***" } ] }, 'masked');
refused('name', { outputs => [ { url => $k, name => 'a b' } ] }, 'a name');
refused('role', { outputs => [ { url => $k, role => 'spare' } ] }, 'a role');
refused('via', { outputs => [ { url => $k, via => 'ftp' } ] }, 'via');
refused('stopped', { outputs => [ { url => $k, stopped => 1 } ] }, 'a flag');
refused('more', { outputs => [ { url => $k, more => 1 } ] }, 'unknown');
refused('key_file', { outputs => [ { url => $k, key_file => '/etc/passwd' } ] },
        'a file of this machine');
refused('outputs', { outputs => [ map { { url => "$k$_" } } 1 .. 17 ] },
        'too many');
refused('outputs', { outputs => [ map { { url => $k, name => 'a' } } 1, 2 ] },
        'a name twice');
refused('outputs', { outputs => [ map { { url => $k, via => 'rtmp' } } 1, 2 ] },
        'two by nginx-rtmp');
refused('push', { push => $k, outputs => [ { url => $k } ] }, 'both');

# "push", where there are more

($status, $data) = $t->api('PATCH', "$S/api", { push => "$t->{far}/KEY9" });
is(names($data), 'two:primary:engine:s push:backup:engine:-',
   'push: the first one');
($status, $data) = $t->api('PATCH', "$S/api", { push => undef });
is(names($data), 'push:backup:engine:-', 'push: the first one goes');

# stopped is stopped, whatever restarts

is(scalar $t->api('POST', "$S/fixed/outputs/a/stop"), 202,
   'one of the configuration');
wait_output('fixed', 'a', 'stopped', 'stopped');
$t->near_write(directstream => conf());
$t->signal('HUP');
sleep 1;
ok($t->wait_state('fixed', 'live', 10), 'reload: live');
is(output('fixed', 'a')->{state}, 'stopped', 'reload: stopped as it was');

# several, of which an older build knows the first

for my $name ('many', 'old') {
    ($status) = $t->api('POST', $S, { name => $name, playlist => $list,
        publish => 'none', start => JSON::PP::false, outputs => [
            { name => 'one', url => "$t->{far}?backup=1/KEY1" },
            { name => 'two', url => "$t->{far}/KEY2", role => 'backup' },
            { name => 'three', url => "$t->{far}/KEY3",
              stopped => JSON::PP::true },
        ] });
    is($status, 201, "$name: created");
}

$t->stop_nginx('near');

# to what an older build has, the first one, and back

my ($rc, $said) = $t->command("$DirectStream::Test::BUILD/directstream-schema",
                              $t->state_path . '/state.db', 7);
like($said, qr/-> 7$/, 'the schema of an older build');
($rc, $said) = $t->command('sqlite3', $t->state_path . '/state.db',
    "SELECT push FROM stream JOIN setting USING (name) WHERE name = 'api' "
    . 'AND push_engine = 1');
is($said, "$t->{far}/KEY1\n", 'it has the push');
($rc, $said) = $t->command('sqlite3', $t->state_path . '/state.db',
    "SELECT push FROM stream WHERE name = 'many'");
is($said, "$t->{far}?backup=1/KEY1\n", 'of several the first');

# it sets one anew, and has one that was made by it

($rc, $said) = $t->command('sqlite3', $t->state_path . '/state.db',
    "UPDATE stream SET push = '$t->{far}/KEY4' WHERE name = 'old'; "
    . "CREATE TEMP TABLE s AS SELECT * FROM stream WHERE name = 'old'; "
    . "UPDATE s SET name = 'made'; INSERT INTO stream SELECT * FROM s;");
is($said, '', 'what the older build does');

$t->start_nginx('near');
ok($t->wait_state('fixed', 'live', 15), 'anew: live');
is(output('fixed', 'a')->{state}, 'stopped', 'anew: stopped as it was');
is(names($t->status('api')), 'push:backup:engine:-', 'anew: as it was');
is(names($t->status('many')), 'one:primary:engine:- two:backup:engine:- '
                              . 'three:primary:engine:s', 'anew: all of them');
is(names($t->status('old')), 'push:primary:engine:-',
   'anew: what it has set counts');
is($t->status('made')->{push}, "$t->{far}/***", 'anew: and what it has made');
is(scalar $t->api('POST', "$S/fixed/outputs/a/start"), 202, 'start');
wait_output('fixed', 'a', 'up', 'anew: up');

my $told = join "\n", map { $_->{message} || '' } $events->got('log');
like($told, qr/output "two" is connected/, 'events: connected');

unlike($t->log_of, qr/KEY[A-Z0-9]/, 'no key in the log');
$t->finish;
