#!/usr/bin/perl

# Two nginx that share their streams through one etcd: what is written on one
# is read at once on the other, a change says what it was made of, a queue is
# one; and workers, whole nodes and etcd are killed while clients write: no
# answered write is lost.  SOAK_KILLS sets how many kills; SOAK_SEED repeats a
# run.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;
use DirectStream::Etcd;


plan(skip_all => DirectStream::Etcd::missing())
    if DirectStream::Etcd::missing();

my $kills = $ENV{SOAK_KILLS} || 6;
my $seed = $ENV{SOAK_SEED} || $$;

diag("$kills kills, seed $seed");
srand $seed;

my $t = DirectStream::Test->new;
my $etcd = DirectStream::Etcd->new($t, 1);
my $dir = $t->dir;
my @nodes = qw(near other);
my $list = $t->plain_list('list', 'a.mp4');


sub node {
    my ($name) = @_;

    my $n = $t->{nginx}{$name} ||= {
        name => $name, module => 1, http => $t->port,
    };

    mkdir "$dir/$name" unless -d "$dir/$name";
    $n->{ports} = [ $n->{http} ];
    $n->{conf} = $t->write_file("$name/nginx.conf",
                                $t->head($name, module => 1) . <<"END");
directstream {
    zone             directstream:8m;
    state_path       $dir/$name/state;
    publish          rtmp://127.0.0.1:1/live;
    resolve_command  @{[ $t->stub_command ]};
    cluster          etcd=@{[ $etcd->endpoints ]} node=$name;

    stream fixed {
        playlist  $list;
        publish   none;
        push name=a rtmp://127.0.0.1:1/$name/key via=engine;
        push name=b rtmp://127.0.0.1:1/$name/key via=engine role=backup;
    }
}
http {
@{[ $t->http_paths($name) ]}
    server {
        listen 127.0.0.1:$n->{http};
        location /directstream/ { directstream_admin write=on; }
    }
}
END

    return $t->start_nginx($name);
}


sub on {
    my ($node, @args) = @_;

    local $t->{nginx}{near} = $t->{nginx}{$node};

    return $t->api(@args);
}


$t->allow(qr/exited on signal 9|was locked by|a change was not stored/);
$t->allow(qr/a change of the queue was not stored/);
$t->allow(qr/open socket #\d+ left in connection/);
$t->allow(qr/the state is not recorded|cluster cannot be read/);
$t->allow(qr/was not told of/);

node($_) for @nodes;

my $S = 'api/1/streams';

# written here, read there

my ($status, $data, $r) = on('near', 'POST', $S, {
    name => 'one', playlist => $list, start => JSON::PP::false,
});
is($status, 201, 'made on one node') or diag($r->{content});

($status, $data, $r) = on('other', 'GET', "$S/one");
is($status, 200, 'read at once on the other');
is($data->{playlist}, $list, 'as it was written');
is($data->{status}{state}, 'stopped', 'stopped');
my $tag = $r->{headers}{etag};

($status, $data, $r) = on('near', 'GET', "$S/one");
is($r->{headers}{etag}, $tag, 'one entity tag on both');
is(scalar on('other', 'POST', $S, { name => 'one', playlist => $list }), 409,
   'it is there');

for my $i (1 .. 10) {
    my ($w, $o) = @nodes[ $i % 2, ($i + 1) % 2 ];
    on($w, 'PATCH', "$S/one", { max_item_duration => $i * 10 });
    ($status, $data) = on($o, 'GET', "$S/one");
    is($data->{max_item_duration}, $i * 10, "change $i, on the other");
}

# If-Match

($status, $data, $r) = on('near', 'GET', "$S/one");
$tag = $r->{headers}{etag};
is(scalar on('other', 'PATCH', "$S/one", { shuffle => JSON::PP::true }), 200,
   'changed behind his back');
($status, $data) = on('near', 'PATCH', "$S/one", { loop => JSON::PP::false },
                      headers => { 'If-Match' => $tag });
is("$status $data->{code}", '412 precondition_failed', 'he is told');
($status, $data, $r) = on('near', 'GET', "$S/one");
ok($data->{shuffle} && $data->{loop}, 'nothing of his was done');
is(scalar on('other', 'PATCH', "$S/one", { loop => JSON::PP::false },
             headers => { 'If-Match' => $r->{headers}{etag} }), 200,
   'with what he reads now it is');

# lists, queues, deletes

is(scalar on('other', 'POST', $S, { name => 'two', playlist => $list,
                                    start => JSON::PP::false }), 201, 'two');
($status, $data) = on('near', 'GET', $S);
is(join(' ', sort map { $_->{name} } @{ $data->{streams} }), 'fixed one two',
   'the list');


sub queue {
    my ($node, $name) = @_;
    my ($status, $data) = on($node, 'GET', "$S/$name/queue");
    return join ' ', map { $_->{title} } @{ $data->{entries} || [] };
}


for my $i (1 .. 4) {
    ($status, $data) = on($nodes[$i % 2], 'POST', "$S/one/queue",
                          { url => $t->media_url('a.mp4'), title => "q$i" });
    is($status, 202, "q$i");
}

is(queue($_, 'one'), 'q1 q2 q3 q4', "one queue, on $_") for @nodes;
is(scalar on('near', 'DELETE', "$S/two"), 204, 'deleted');
is(scalar on('other', 'GET', "$S/two"), 404, 'gone on the other');
is(scalar on('other', 'PATCH', "$S/two", { loop => JSON::PP::true }), 404,
   'nothing to change');

# of a stream of each node's file: which outputs are stopped, and no more

sub outputs {
    my ($node) = @_;
    my ($status, $data) = on($node, 'GET', "$S/fixed");
    return join ' ', map { "$_->{name}:$_->{url}:$_->{role}:"
                           . ($_->{stopped} ? 's' : '-') }
                         @{ $data->{outputs} };
}

my $to = 'rtmp://127.0.0.1:1';

is(scalar on('near', 'POST', "$S/fixed/outputs/a/stop"), 202,
   'an output of the file is stopped');
is(outputs($_), "a:$to/$_/***:primary:s b:$to/$_/***:backup:-",
   "and is on $_, where that says it goes") for @nodes;
is(scalar on('other', 'POST', "$S/fixed/outputs/b/stop"), 202,
   'the other one is, over there');
is(outputs($_), "a:$to/$_/***:primary:s b:$to/$_/***:backup:s",
   "both are on $_") for @nodes;
is(scalar on('other', 'POST', "$S/fixed/outputs/a/start"), 202, 'started');
is(outputs($_), "a:$to/$_/***:primary:- b:$to/$_/***:backup:s",
   "one is on $_") for @nodes;


# kills, at random, while two write

my (%value, %queued, %pid);
my $n = 0;


sub victim {
    my @pids;

    for my $node (@nodes) {
        my $master = $t->{nginx}{$node}{pid};
        push @pids, $t->descendants($master);
    }

    push @pids, $etcd->{members}[0]{pid} if rand() < 0.3;

    return $pids[rand @pids];
}


sub write_one {
    my $node = $nodes[rand 2];
    my $name = 'k' . int rand 3;
    my ($status, $data);

    if (!$value{$name}) {
        ($status) = on($node, 'POST', $S, { name => $name, start =>
            JSON::PP::false, playlist => $list, max_item_duration => 1 });
        $value{$name} = { 1 => 1 } if $status == 201 || $status == 409;

    } elsif (rand() < 0.6) {
        my $v = ++$n;
        ($status) = on($node, 'PATCH', "$S/$name",
                       { max_item_duration => $v });
        $value{$name} = {} if $status == 200;
        $value{$name}{$v} = 1 if $status == 200 || $status >= 500;

    } else {
        my $title = 'e' . ++$n;
        ($status) = on($node, 'POST', "$S/$name/queue",
                       { url => $t->media_url('a.mp4'), title => $title });
        $queued{$name}{$title} = 1 if $status == 202;
    }

    return $status;
}


sub check {
    my ($what) = @_;

    my $bad = 0;

    for my $name (sort keys %value) {
        my @got;

        for my $node (@nodes) {
            my ($status, $data) = on($node, 'GET', "$S/$name");
            my $v = $data->{max_item_duration};
            push @got, $v;

            next if $status == 200 && defined $v && $value{$name}{$v};
            diag("$what: $name on $node: $status, " . ($v || 'none')
                 . ', not of ' . join ' ', sort keys %{ $value{$name} });
            $bad++;
        }

        $value{$name} = { ($got[0] || 0) => 1 };

        my %there = map { $_ => 1 } split / /, queue($nodes[0], $name);

        for my $title (sort keys %{ $queued{$name} || {} }) {
            next if $there{$title};
            diag("$what: $title of $name is lost");
            $bad++;
        }

        $bad++ if queue($nodes[0], $name) ne queue($nodes[1], $name);
    }

    return $bad;
}


my ($answered, $lost) = (0, 0);

for my $k (1 .. $kills) {
    my $pid = victim();
    my $killer = fork;

    if ($killer == 0) {
        select undef, undef, undef, rand 0.1;
        kill 'KILL', $pid;
        POSIX::_exit(0);
    }

    for (1 .. 12) {
        my $status = write_one();
        $answered++ if $status && $status < 500;
    }

    waitpid $killer, 0;

    # whoever was killed is back

    if (!kill 0, $etcd->{members}[0]{pid}
        or waitpid($etcd->{members}[0]{pid}, POSIX::WNOHANG()) != 0)
    {
        delete $t->{pids}{ delete $etcd->{members}[0]{pid} };
        $etcd->start(0);
    }

    $t->wait_for(sub { $etcd->up }, 20, 'etcd');

    for my $node (@nodes) {
        $t->wait_for(sub {
            my ($status, undef, $r) = on($node, 'GET', $S);
            $status == 200 && !$r->{headers}{'directstream-stale'};
        }, 20, "node $node");
    }

    $lost += check("kill $k");
}

diag("$answered writes answered");
ok($answered > $kills * 3, 'clients were served');
is($lost, 0, 'no answered write is lost');

# a whole node dies, and begins with nothing of what came meanwhile

$t->kill_all('other');
is(scalar on('near', 'POST', $S, { name => 'late', playlist => $list,
                                   start => JSON::PP::false }), 201, 'late');
is(scalar on('near', 'DELETE', "$S/one"), 204, 'one is deleted');
$t->start_nginx('other');
($status, $data) = on('other', 'GET', $S);
my %names = map { $_->{name} => 1 } @{ $data->{streams} };
ok($names{late} && !$names{one}, 'it has what there is now');

# without etcd

$etcd->kill(0);

($status, $data, $r) = on('other', 'GET', "$S/late");
is($status, 200, 'what was known is still told');
is($r->{headers}{'directstream-stale'}, 'cluster_lost', 'as that');
($status, $data, $r) = on('other', 'PATCH', "$S/late",
                          { loop => JSON::PP::false });
is("$status $data->{code}", '503 cluster_lost', 'a change is refused');
ok($r->{headers}{'retry-after'}, 'with a time to come again');
($status, $data, $r) = on('near', 'POST', $S, { name => 'none',
                                                playlist => $list });
is("$status $data->{code}", '503 cluster_lost', 'so is a new one');

$t->stop_nginx('other');
$t->start_nginx('other');
is(scalar on('other', 'GET', "$S/late"), 200, 'a node starts without it');

$etcd->start(0);
$t->wait_for(sub { $etcd->up }, 20, 'etcd');
is(scalar on('other', 'PATCH', "$S/late", { loop => JSON::PP::false }), 200,
   'etcd is back');
is(scalar on('near', 'GET', "$S/none"), 404, 'what was refused is not there');

$t->finish;
