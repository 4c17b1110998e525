#!/usr/bin/perl

# The store in an etcd of three members: what an nginx of its own had is taken
# there and back, its members die, the one that leads as well, and most of them;
# and what "cluster" does not accept.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;
use DirectStream::Etcd;


plan(skip_all => DirectStream::Etcd::missing())
    if DirectStream::Etcd::missing();

my $t = DirectStream::Test->new;
my $dir = $t->dir;
my $schema = ($ENV{DS_BUILD} || "$FindBin::Bin/../build")
             . "/directstream-schema";
my $S = 'api/1/streams';
my $list = $t->plain_list('list', 'a.mp4');


# what is not accepted

sub refused {
    my ($params, $re) = @_;

    my $n = $t->near_write(directstream => $params);
    my ($status, $out) = $t->nginx_t($n->{conf});
    ok($status != 0 && $out =~ $re, "refused: $params") or diag($out);

    return;
}

my $e = 'etcd=http://127.0.0.1:1';

$t->write_file('open', "secret\n");
chmod 0644, "$dir/open";
$t->write_file('empty', "\n");
chmod 0600, "$dir/empty";

refused("cluster $e prefix=/a/;", qr/needs "etcd=" and "node="/);
refused("cluster etcd=127.0.0.1:2379 node=a;", qr{"http://host:port"});
refused("cluster etcd=http://a:1/x node=a;", qr{"http://host:port"});
refused("cluster $e node=a/b;", qr/"node=" must be/);
refused("cluster $e node=a prefix=ds;", qr/"prefix=" must begin/);
refused("cluster $e node=a ttl=1s;", qr/from 4 to 60 seconds/);
refused("cluster $e node=a colour=red;", qr/invalid parameter "colour=red"/);
refused("cluster $e node=a node=b;", qr/"node=" is given twice/);
refused("cluster $e node=a user=x;", qr/"password_file=" go together/);
refused("cluster $e node=a ca=$dir/none;", qr/invalid file/);
refused("cluster $e node=a ca=$dir/open;", qr{need "https://"});
refused("cluster $e node=a user=x password_file=$dir/open;",
        qr/by everybody/);
refused("cluster $e node=a user=x password_file=$dir/empty;",
        qr/no password/);
refused("cluster $e node=a; cluster $e node=a;", qr/duplicate/);
refused("cluster_lost stop;", qr/"cluster_lost" needs "cluster"/);
refused("cluster $e node=a; cluster_lost perhaps;", qr/"failsafe" or "stop"/);

# an nginx of its own

my $etcd = DirectStream::Etcd->new($t, 3);
my $cluster = 'cluster etcd=' . $etcd->endpoints . ' node=near;';

$t->allow(qr/cluster cannot be read|the state is not recorded/);
$t->allow(qr/a change was not stored|streams in .* are this node's alone/);

$t->near;

for my $name (qw(one two)) {
    is(scalar $t->api('POST', $S, { name => $name, playlist => $list,
                                    start => JSON::PP::false }), 201, $name);
}

is(scalar $t->api('POST', "$S/one/queue",
                  { url => $t->media_url('a.mp4'), title => 'queued' }), 202,
   'something is queued');

$t->stop_nginx('near');

# nothing of it is dropped, or taken along, without a word

$t->near_write(directstream => $cluster);
ok(!eval { $t->start_nginx('near'); 1 }, 'it does not join with them');
like($@, qr/2 streams in .* import/, 'and says what to do');

my $state = "$dir/near/state/state.db";
my @at = ('etcd=' . $etcd->endpoints);

my ($status, $out) = $t->command($schema, $state, 'import', @at);
is("$status $out", "0 one\ntwo\n", 'imported');
($status, $out) = $t->command($schema, $state, 'import', @at);
is("$status $out", "0 one\ntwo\n", 'which may be said twice');
($status, $out) = $t->command($schema, $state, 'import', 'etcd=nowhere:1');
is($status, 0, 'all of them are there already');
($status, $out) = $t->command($schema, $state, 'import', 'node=x');
is($status >> 8, 2, 'a wrong parameter');

for ([ 'prefix=', 'prefix=/directstream' ], [ 'prefix=', 'prefix=ds/' ],
     [ 'key=', 'cert=x' ], [ 'cert=', 'key=x' ], [ 'password_file=', 'user=x' ],
     [ 'user=', "password_file=$dir/open" ])
{
    my ($names, $param) = @$_;

    ($status, $out) = $t->command($schema, $state, 'export', @at, $param);
    is($status >> 8, 2, "refused: $param");
    like($out, qr/invalid parameter "$names"/, 'which is named');
}

$t->start_nginx('near');

my ($data, $r);


sub names {
    my ($status, $data, $r) = $t->api('GET', $S);
    return join ' ', $r->{headers}{'directstream-stale'} || (),
        map { $_->{name} } @{ $data->{streams} };
}


sub queued {
    my ($status, $data) = $t->api('GET', "$S/one/queue");
    return join ' ', map { $_->{title} } @{ $data->{entries} };
}


is(names(), 'one two', 'they are there');
is(queued(), 'queued', 'with what was queued');


# one write that has to be answered in the end

sub write_until {
    my ($value) = @_;

    my $status;

    $t->wait_for(sub {
        ($status) = $t->api('PATCH', "$S/one",
                            { max_item_duration => $value });
        $status == 200;
    }, 20, 'a write');

    my ($got, $data) = $t->api('GET', "$S/one");

    return ($data->{max_item_duration} || 0) == $value;
}


# members die, the one that leads first

my $leads = $etcd->leader;

ok(write_until(10), 'written');
$etcd->kill($leads);
ok(write_until(11), 'written without the member that has led');

my ($other) = grep { $_ != $leads } 0 .. 2;

$etcd->kill($other);

$t->wait_for(sub { names() =~ /cluster_lost/ }, 10, 'no quorum');
is(names(), 'cluster_lost one two', 'without most of them it is what was');
($status, $data, $r) = $t->api('PATCH', "$S/one", { max_item_duration => 12 });
is("$status $data->{code}", '503 cluster_lost', 'nothing is written');
ok($r->{headers}{'retry-after'}, 'with a time to come again');

$etcd->start($_) for $leads, $other;
$t->wait_for(sub { $etcd->up }, 20, 'all members');
is(names(), 'one two', 'all are back');
($status, $data) = $t->api('GET', "$S/one");
is($data->{max_item_duration}, 11, 'what was refused was not done');
ok(write_until(13), 'written again');

# and back: a copy for another one, and the node's own

mkdir "$dir/copy";
($status, $out) = $t->command($schema, "$dir/copy/state.db", 'export', @at);
is("$status $out", "0 one\ntwo\n", 'exported');
is((stat "$dir/copy/state.db")[2] & 0777, 0600, 'a copy is its owner\'s alone');

is(scalar $t->api('DELETE', "$S/two"), 204, 'two is deleted');
$t->stop_nginx('near');

($status, $out) = $t->command($schema, $state, 'export', @at);
is("$status $out", "0 one\n", 'the node has its own');

$t->near;
is(names(), 'one', 'an nginx of its own has them');
is(queued(), 'queued', 'with what is queued');
is(scalar $t->api('POST', $S, { name => 'three', playlist => $list,
                                start => JSON::PP::false }), 201,
   'it goes on alone');

$t->stop_nginx('near');
($status, $out) = $t->command($schema, $state, 'export', @at);
is($status >> 8, 1, 'which an export does not drop');
like($out, qr/2 streams of its own/, 'and says');

($status, $out) = $t->command($schema, "$dir/copy/state.db", 'import', @at);
is($status >> 8, 1, 'what is another one there is not imported');
like($out, qr/"one" was not imported: store_exists/, 'and named');
like($out, qr/^two$/m, 'the rest is');

$t->finish;
