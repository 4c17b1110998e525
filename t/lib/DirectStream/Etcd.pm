package DirectStream::Etcd;

# An etcd of so many members, for a DirectStream::Test, whose directory it
# lives in: on loopback, or where "host" says, run as "wrap" does; both are
# asked with the member's name.

use strict;
use warnings;


# what of Debian's packages must be there; "": all is
sub missing {
    return (grep { -x "$_/etcd" } split /:/, $ENV{PATH}) ? '' : 'no etcd';
}


sub new {
    my ($class, $t, $n, %args) = @_;

    my $self = bless {
        t => $t, members => [], host => sub { '127.0.0.1' },
        wrap => sub { [] }, options => [], %args,
    }, $class;

    for my $i (0 .. $n - 1) {
        my $host = $self->{host}->("e$i");

        push @{ $self->{members} }, {
            name => "e$i", client => "http://$host:" . $t->port,
            peer => "http://$host:" . $t->port,
        };
    }

    $self->start($_) for 0 .. $n - 1;

    $t->wait_for(sub { $self->up }, 20, 'etcd') or die "no etcd\n";

    return $self;
}


sub endpoints {
    my ($self) = @_;
    return join ',', map { $_->{client} } @{ $self->{members} };
}


sub start {
    my ($self, $i) = @_;

    my ($t, $m) = ($self->{t}, $self->{members}[$i]);
    my $all = join ',', map { "$_->{name}=$_->{peer}" }
                            @{ $self->{members} };
    my $state = -d $t->dir . "/$m->{name}/member" ? 'existing' : 'new';

    $m->{pid} = $t->run($m->{name}, @{ $self->{wrap}->($m->{name}) },
        'etcd', '--name', $m->{name}, '--data-dir', $t->dir . "/$m->{name}",
        '--listen-client-urls', $m->{client},
        '--advertise-client-urls', $m->{client},
        '--listen-peer-urls', $m->{peer},
        '--initial-advertise-peer-urls', $m->{peer},
        '--initial-cluster', $all, '--initial-cluster-state', $state,
        '--log-level', 'error', @{ $self->{options} });

    return;
}


sub kill {
    my ($self, $i) = @_;

    my $pid = delete $self->{members}[$i]{pid} or return;
    $self->{t}->stop_pid($pid, 'KILL');

    return;
}


# answers what is the newest, at every member that runs
sub up {
    my ($self) = @_;

    for my $m (@{ $self->{members} }) {
        next unless $m->{pid};
        return 0 unless $self->call($m, 'kv/range', '{"key":"AA=="}');
    }

    return 1;
}


sub call {
    my ($self, $m, $path, $body) = @_;

    my $r = $self->{t}{http}->request('POST', "$m->{client}/v3/$path",
                                      { content => $body });

    return $r->{status} == 200
        ? $self->{t}{json}->decode($r->{content}) : undef;
}


# the number of the member that leads
sub leader {
    my ($self) = @_;

    for my $i (0 .. $#{ $self->{members} }) {
        my $m = $self->{members}[$i];
        my $s = $m->{pid} ? $self->call($m, 'maintenance/status', '{}')
                          : undef;
        return $i if $s && $s->{leader} eq $s->{header}{member_id};
    }

    return 0;
}


1;
