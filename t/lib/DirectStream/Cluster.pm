package DirectStream::Cluster;

# Several nginx of one DirectStream::Test that share their streams: an etcd of
# three members, nodes, and a far end that records each publisher with its
# times: each node pushes under keys of its own, "STREAM-NODE".

use strict;
use warnings;

use File::Path qw(make_path);
use Time::HiRes qw(sleep);

use DirectStream::Etcd;


# what of Debian's packages must be there; "": all is
sub missing {
    return DirectStream::Etcd::missing();
}


sub new {
    my ($class, $t, %args) = @_;

    my $self = bless { t => $t, %args, nodes => {} }, $class;

    $self->{host} ||= sub { '127.0.0.1' };
    $self->{wrap} ||= sub { [] };

    return $self;
}


# etcd; of a machine that is lost its data is not asked for again

sub etcd {
    my ($self, $n) = @_;

    $self->{etcd} = DirectStream::Etcd->new($self->{t}, $n,
        host => $self->{host}, wrap => $self->{wrap},
        options => ['--unsafe-no-fsync']);

    return;
}


sub endpoints {
    my ($self) = @_;
    return $self->{etcd}->endpoints;
}


sub etcd_start {
    my ($self, $i) = @_;
    return $self->{etcd}->start($i);
}


sub etcd_kill {
    my ($self, $i) = @_;
    return $self->{etcd}->kill($i);
}


# nodes

sub node_write {
    my ($self, $node, $streams, %args) = @_;

    my $t = $self->{t};
    my $n = $t->{nginx}{$node} ||= {
        name => $node, module => 1, http => $t->port,
    };
    my $host = $self->{host}->($node);
    my $dir = $t->dir . "/$node";
    my $lost = $args{lost} ? "cluster_lost $args{lost};" : '';
    my $param = $args{param} || '';
    my $block = '';

    for my $name (sort keys %$streams) {
        $block .= "stream $name { playlist $streams->{$name}; publish none;"
            . " push $t->{far}/$name-$node via=engine; }\n";
    }

    mkdir $dir unless -d $dir;

    $n->{host} = $host;
    $n->{ports} = $host eq '127.0.0.1' ? [ $n->{http} ] : [];
    $n->{conf} = $t->write_file("$node/nginx.conf", <<"END");
@{[ $t->head($node, module => 1) ]}
directstream {
    zone             directstream:8m;
    state_path       $dir/state;
    resolve_command  @{[ $t->stub_command ]};
    cluster etcd=@{[ $self->endpoints ]} node=$node
            url=http://$host:$n->{http}/directstream/ $param;
    $lost
    $block
}
http {
@{[ $t->http_paths($node) ]}
    server {
        listen $host:$n->{http};
        location /directstream/ { directstream_admin write=on; }
        location = /metrics { directstream_metrics; }
        @{[ $args{http} || '' ]}
    }
}
END

    $self->{nodes}{$node} = 1;

    return $n;
}


sub node {
    my ($self, $node, $streams, %args) = @_;

    $self->node_write($node, $streams, %args);
    $self->{t}->start_nginx($node, wrap => $self->{wrap}->($node), %args);

    return;
}


# (status, decoded body)
sub api {
    my ($self, $node, $method, $path, $body) = @_;

    my $t = $self->{t};
    my $n = $t->{nginx}{$node};
    my $r = $t->{http}->request($method,
        "http://$n->{host}:$n->{http}/directstream/api/1/$path",
        { headers => { 'Content-Type' => 'application/json' },
          content => defined $body ? $t->{json}->encode($body) : '' });
    my $data = eval { $t->{json}->decode($r->{content}) };

    return wantarray ? ($r->{status}, $data, $r) : $r->{status};
}


# the relay worker of a node, as it says
sub relay {
    my ($self, $node) = @_;

    my ($status, $data) = $self->api($node, 'GET', 'streams');

    return $status == 200 && $data->{relay}{alive} ? $data->{relay}{pid} : 0;
}


# who has a stream, and since which epoch, as a node knows it
sub owner {
    my ($self, $node, $stream) = @_;

    my ($status, $data) = $self->api($node, 'GET', "streams/$stream");

    return $status == 200 ? ($data->{status}{node} || '',
                             $data->{status}{epoch} || 0) : ('', 0);
}


# how many each has, in the order of names
sub owned {
    my ($self, $node) = @_;

    my ($status, $data) = $self->api($node, 'GET', 'nodes');

    return '' unless $status == 200;
    return join ' ', map { "$_->{name}:$_->{owned}" } @{ $data->{nodes} };
}


# the far end

# a file for each session of each publisher
sub far {
    my ($self) = @_;

    my $t = $self->{t};
    my $dir = $t->dir . '/far';
    my $port = $t->port;
    my $host = $self->{host}->('far');

    make_path("$dir/record");
    chmod 0777, "$dir/record";

    $t->{nginx}{far} = {
        name => 'far', port => $port,
        ports => $host eq '127.0.0.1' ? [ $port ] : [],
        conf => $t->write_file('far/nginx.conf', <<"END"),
@{[ $t->head('far', workers => 1) ]}
rtmp { server { listen $host:$port; application live2 {
    live on; record all; record_unique on; record_path $dir/record;
} } }
END
    };

    $t->start_nginx('far', wrap => $self->{wrap}->('far'));
    $t->run('grown', $^X, "$DirectStream::Test::ROOT/t/tools/grown",
            "$dir/record", "$dir/grown");
    $t->{far} = "rtmp://$host:$port/live2";

    return;
}


# [stream, node, from, to], Unix s, of all that has been published
sub intervals {
    my ($self) = @_;

    my @all;

    for (split /\n/, $self->{t}->read_file('far/grown')) {
        my ($file, $from, $to) = split / /;
        my ($stream, $node) = $file =~ m{/([^/]+)-([^/-]+)-\d+[^/]*$} or next;

        push @all, [ $stream, $node, $from, $to ] if -e $file;
    }

    return sort { $a->[0] cmp $b->[0] || $a->[2] <=> $b->[2] } @all;
}


# (those that two nodes published at a time, the longest gap by stream)
sub judge {
    my ($self, $since) = @_;

    my (@both, %gap, $last);

    for my $i ($self->intervals) {

        if ($last && $last->[0] eq $i->[0]) {
            push @both, sprintf '%s: %s until %.3f, %s from %.3f', $i->[0],
                        $last->[1], $last->[3], $i->[1], $i->[2]
                if $i->[2] < $last->[3] && $i->[1] ne $last->[1];

            $gap{ $i->[0] } = $i->[2] - $last->[3]
                if $i->[2] > ($since || 0)
                   && $i->[2] - $last->[3] > ($gap{ $i->[0] } || 0);

            $i = $last if $last->[3] > $i->[3];
        }

        $last = $i;
    }

    return (\@both, \%gap);
}


# who publishes each stream now: {stream => node}
sub on_air {
    my ($self, $within) = @_;

    my %now;

    for my $i ($self->intervals) {
        $now{ $i->[0] } = $i->[1]
            if $i->[3] > Time::HiRes::time() - ($within || 1);
    }

    return \%now;
}


package DirectStream::Cluster::Net;

# A network of its own: a namespace for each name, and a router in another one.
# What is cut is dropped there: no socket hears of it.

sub run {
    my (@argv) = @_;

    my $pid = fork;
    die "fork: $!\n" unless defined $pid;

    if ($pid == 0) {
        open STDERR, '>', '/dev/null';
        exec { $argv[0] } @argv or POSIX::_exit(127);
    }

    waitpid $pid, 0;
    return $? == 0;
}


sub missing {
    return 'no namespaces: not root' if $>;
    return 'no ip' unless grep { -x "$_/ip" } split /:/, $ENV{PATH};

    my $name = "ds$$";
    my $made = run('ip', 'netns', 'add', $name);
    my $ok = $made && run('ip', 'netns', 'exec', $name, 'true');
    run('ip', 'netns', 'del', $name) if $made;

    return $ok ? '' : 'no namespaces';
}


sub new {
    my ($class, @names) = @_;

    my $self = bless {
        hub => "ds$$-hub", net => '10.203.' . $$ % 250, owner => $$, n => 1,
        names => {}, cut => [],
    }, $class;

    my $hub = $self->{hub};

    # what a test has left that was killed
    for (qx(ip netns list)) {
        my ($name, $pid) = /^(ds(\d+)-\w+)/ or next;
        run('ip', 'netns', 'del', $name) unless kill 0, $pid;
    }

    run('ip', 'netns', 'add', $hub);
    run('ip', 'netns', 'exec', $hub, 'sh', '-c',
        'echo 1 > /proc/sys/net/ipv4/ip_forward');

    # where the test is

    my $here = "$self->{net}.254";

    run('ip', 'link', 'add', "ds$$", 'type', 'veth', 'peer', 'name', 'test',
        'netns', $hub);
    run('ip', 'addr', 'add', "$here/32", 'dev', "ds$$");
    run('ip', 'link', 'set', "ds$$", 'up');
    $self->link('test', $here);
    run('ip', 'route', 'add', "$self->{net}.253", 'dev', "ds$$");
    run('ip', 'route', 'add', "$self->{net}.0/24", 'via', "$self->{net}.253");

    for my $name (@names) {
        my $ns = "ds$$-$name";
        my $address = $self->{names}{$name} = "$self->{net}." . $self->{n}++;

        run('ip', 'netns', 'add', $ns);
        run('ip', '-n', $hub, 'link', 'add', "to-$name", 'type', 'veth',
            'peer', 'name', 'eth0', 'netns', $ns);
        $self->link("to-$name", $address);
        run('ip', '-n', $ns, 'addr', 'add', "$address/32", 'dev', 'eth0');
        run('ip', '-n', $ns, 'link', 'set', 'eth0', 'up');
        run('ip', '-n', $ns, 'link', 'set', 'lo', 'up');
        run('ip', '-n', $ns, 'route', 'add', "$self->{net}.253", 'dev',
            'eth0');
        run('ip', '-n', $ns, 'route', 'add', 'default', 'via',
            "$self->{net}.253");
    }

    return $self;
}


# the router's end
sub link {
    my ($self, $link, $address) = @_;

    my @hub = ('ip', '-n', $self->{hub});

    run(@hub, 'addr', 'add', "$self->{net}.253/32", 'dev', $link);
    run(@hub, 'link', 'set', $link, 'up');
    run(@hub, 'route', 'add', $address, 'dev', $link);

    return;
}


sub address {
    my ($self, $name) = @_;
    return $self->{names}{$name};
}


sub wrap {
    my ($self, $name) = @_;
    return ['ip', 'netns', 'exec', "ds$self->{owner}-$name"];
}


# what "from" sends to these is lost, not what they send: one way
sub cut {
    my ($self, $from, @to) = @_;

    $self->rule('from', $self->address($from), 'to', $self->address($_))
        for @to;
    return;
}


# both ways, for all but the test
sub off {
    my ($self, $name) = @_;

    for my $other (grep { $_ ne $name } keys %{ $self->{names} }) {
        $self->cut($name, $other);
        $self->cut($other, $name);
    }

    return;
}


sub rule {
    my ($self, @rule) = @_;

    run('ip', '-n', $self->{hub}, 'rule', 'add', @rule, 'blackhole');
    push @{ $self->{cut} }, \@rule;
    return;
}


sub mend {
    my ($self) = @_;

    run('ip', '-n', $self->{hub}, 'rule', 'del', @$_, 'blackhole')
        for splice @{ $self->{cut} };
    return;
}


sub DESTROY {
    my ($self) = @_;

    return unless $self->{owner} == $$;

    local $?;

    run('ip', 'link', 'del', "ds$$");
    run('ip', 'netns', 'del', "ds$$-$_") for keys %{ $self->{names} };
    run('ip', 'netns', 'del', $self->{hub});

    return;
}


1;
