package DirectStream::Proc;

# The part of DirectStream::Test that looks at processes, by /proc.

use strict;
use warnings;


sub stat_of {
    my ($self, $pid) = @_;

    open my $fh, '<', "/proc/$pid/stat" or return;
    my $line = <$fh>;
    return unless defined $line && $line =~ /^\d+ \((.*)\) (\S) (\d+)/s;

    return { pid => $pid, comm => $1, state => $2, ppid => $3 };
}


sub cmdline {
    my ($self, $pid) = @_;

    my $text = $self->read_file("/proc/$pid/cmdline");
    $text =~ tr/\0/ /;
    $text =~ s/\s+$//;

    return $text;
}


sub descendants {
    my ($self, $root) = @_;

    my (%children, @found);

    opendir my $dh, '/proc' or return;

    for my $pid (grep { /^\d+$/ } readdir $dh) {
        my $s = $self->stat_of($pid) or next;
        push @{ $children{ $s->{ppid} } }, $pid;
    }

    my @queue = ($root);

    while (@queue) {
        my $pid = shift @queue;
        push @found, @{ $children{$pid} || [] };
        push @queue, @{ $children{$pid} || [] };
    }

    return @found;
}


# the relay worker's pid by its title, and the other workers'
sub relay_pids {
    my ($self, $master) = @_;

    $master ||= $self->master_pid;

    return grep { $self->cmdline($_) =~ /directstream relay process/ }
           $self->descendants($master);
}


sub relay_pid {
    my ($self) = @_;

    my $pid = $self->wait_for(sub { ($self->relay_pids)[0] }, 5);
    return $pid;
}


sub worker_pids {
    my ($self, $master) = @_;

    $master ||= $self->master_pid;

    return sort { $a <=> $b }
           grep { $self->cmdline($_) =~ /^nginx: worker process/ }
           $self->descendants($master);
}


# children of the relay worker that are resolvers
sub resolver_pids {
    my ($self) = @_;

    return grep { my $s = $self->stat_of($_); $s && $s->{state} ne 'Z' }
           map { $self->descendants($_) } $self->relay_pids;
}


sub threads {
    my ($self, $pid) = @_;

    opendir my $dh, "/proc/$pid/task" or return ();

    return map {
        ($self->read_file("/proc/$pid/task/$_/comm") =~ /(.+)/)[0] || ();
    } grep { /^\d+$/ } readdir $dh;
}


# of streams: nginx's own, those of its pool among them, are named after it,
# and the recorder is there for as long as the worker
sub engine_threads {
    my ($self, $pid) = @_;

    return grep { !/^(?:nginx|ds-record)$/ } $self->threads($pid);
}


1;
