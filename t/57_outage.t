#!/usr/bin/perl

# Whose fault it is decides what happens: dead items cost no time on air, an
# outage costs no item and no order, with loop off too; a host that is down
# alone does not stop the others and comes back.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
my $off = JSON::PP::false;
my $long = $ENV{DS_OUTAGE} || 6;
my (%port, %pid);

$t->media;
$t->far;
$t->near(directstream => 'source_timeout 2s; resolve_timeout 5s;');


# a media server that can be ended and started again at its place
sub server {
    my ($name) = @_;

    my $file = $t->dir . "/$name.port";
    unlink $file;

    $pid{$name} = $t->run("media-$name-" . ++$port{n}, $^X,
        "$DirectStream::Test::ROOT/t/tools/media-server",
        '--root', $t->dir . '/www', '--port', $port{$name} || 0,
        '--port-file', $file);

    $port{$name} = $t->wait_for(sub { ($t->read_file($file) =~ /(\d+)/)[0] },
                                10, "server $name");
    return "http://127.0.0.1:$port{$name}";
}


# the items as they came on air
sub aired {
    my ($name) = @_;

    return join ' ', $t->log_of =~ /"\Q$name\E": item (\d+) on air/g;
}


sub states {
    my ($name) = @_;

    return join ' ', map { $_->{state} } $t->items($name);
}


# 60 dead items in a row, and as many before anything has been on air

my @dead = map { "none$_.mp4" } 1 .. 60;

$t->create('run', $t->plain_list('run', 'two.mp4', @dead, 'c.mp4'));
$t->create('first', $t->plain_list('first', @dead, 'two.mp4', 'c.mp4'));

for my $name (qw(run first)) {
    ok($t->wait_for(sub { $t->field($name, 'playlist', 'played') >= 3 }, 25),
       "$name: two passes");
    cmp_ok($t->field($name, 'dead_air_ms'), '<', 1000,
           "$name: 60 dead items in a row, twice, cost less than a second");
    is($t->field($name, 'playlist', 'failed'), 60, "$name: each failed once");
}

my @codes = grep { ($_->{code} || '') eq 'source_not_found' } $t->items('run');
is(@codes, 60, 'each says why');

# what is there again is played again

symlink 'a.mp4', $t->dir . '/www/none3.mp4';
ok($t->wait_for(sub { aired('run') =~ /\b3\b/ }, 30),
   'one that came back is on air');
$t->api('DELETE', "api/1/streams/$_") for qw(run first);

# three outages: refused, a server that hangs, an error; loop off

my %list;

for my $name (qw(refused hangs errors)) {
    my $url = server($name);
    $list{$name} = $t->plain_list($name, map { "$url/$_.mp4?n=$name" }
                                         qw(a b c a b c));
    $t->create($name, $list{$name}, loop => $off);
}

# one host is down while another one answers; and the rest of it comes later

my $good = server('good');
my $bad = server('bad');
$t->stop_pid($pid{bad});
$t->create('mixed', $t->plain_list('mixed', "$good/a.mp4", "$bad/b.mp4",
                                   "$bad/a.mp4", "$good/c.mp4"),
           loop => $off);

for my $name (qw(refused hangs errors)) {
    ok($t->wait_for(sub { aired($name) =~ /^0 1/ }, 15), "$name: on air");
}

$t->stop_pid($pid{refused});
kill 'STOP', $pid{hangs};
$t->stop_pid($pid{errors});

my $until = time + $long;

while (time < $until) {
    my @end = grep { $t->state($_) =~ /finished|failed/ }
              qw(refused hangs errors mixed);
    is("@end", '', 'an outage ends nothing') if @end;
    select undef, undef, undef, 0.25;
}

is($t->state('refused'), 'stalled', 'refused: waits');
is($t->field('refused', 'playlist', 'failed'), 0, 'and nothing has failed');

server('refused');
kill 'CONT', $pid{hangs};
server('errors');

for my $name (qw(refused hangs errors)) {
    ok($t->wait_state($name, 'finished', 40), "$name: finished");
    is(states($name), join(' ', ('played') x 6), "$name: no item is lost");

    # an item that broke off may be there twice
    (my $order = aired($name)) =~ s/\b(\d+)( \1\b)+/$1/g;
    is($order, '0 1 2 3 4 5', "$name: in their order");
}

like(aired('mixed'), qr/^0 3/, 'mixed: the host that answers goes on');
ok($t->wait_state('mixed', 'stalled', 10), 'mixed: the rest is waited for');
server('bad');
ok($t->wait_state('mixed', 'finished', 30), 'mixed: and comes');
is(aired('mixed'), '0 3 1 2', 'mixed: in its order');
is(states('mixed'), 'played played played played', 'mixed: all of it');

$t->finish;
