package DirectStream::Flow;

# What a viewer saw: the packets that t/tools/watch printed, and figures
# made of them.  Times are milliseconds.

use strict;
use warnings;


sub new {
    my ($class, $text) = @_;

    my $self = bless { packets => [], offset => undef }, $class;

    for my $line (split /\n/, $text) {
        if ($line =~ /^# offset (\S+)/) {
            $self->{offset} = $1;
            next;
        }

        # the last line may be cut
        next unless $line =~
            /^([VA])[ ](\S+)[ ](-?\d+)[ ](-?\d+)[ ](\d+)[ ](\d+x\d+)
              [ ]([K-])[ ]([H-])$/x;

        push @{ $self->{packets} }, {
            track => $1, at => $2, dts => $3, pts => $4, size => $5,
            picture => $6, key => $7 eq 'K', header => $8 eq 'H',
        };
    }

    return $self;
}


sub load {
    my ($class, $file) = @_;

    # it may be about to start
    open my $fh, '<', $file or return $class->new('');
    local $/;
    my $text = <$fh>;

    return $class->new(defined $text ? $text : '');
}


sub packets {
    my ($self, $track) = @_;

    return @{ $self->{packets} } unless defined $track;
    return grep { $_->{track} eq $track } @{ $self->{packets} };
}


sub count {
    my ($self, $track) = @_;

    return scalar(my @p = $self->packets($track));
}


# the packets of a span of arrival times, as another flow
sub between {
    my ($self, $from, $to) = @_;

    my $flow = bless { packets => [], offset => $self->{offset} }, ref $self;

    $flow->{packets} = [ grep { $_->{at} >= $from && $_->{at} <= $to }
                         @{ $self->{packets} } ];
    return $flow;
}


# the video that has pictures of a size
sub of_picture {
    my ($self, $picture) = @_;

    return grep { $_->{picture} eq $picture } $self->packets('V');
}


# time stamps that go back: on a track, DTS must grow
sub backward {
    my ($self) = @_;

    my (@found, %last);

    for my $p ($self->packets) {
        my $last = $last{ $p->{track} };

        if (defined $last && $p->{dts} <= $last->{dts}) {
            push @found, "$p->{track} $last->{dts} -> $p->{dts}";
        }

        if ($p->{pts} < $p->{dts}) {
            push @found, "$p->{track} pts $p->{pts} < dts $p->{dts}";
        }

        $last{ $p->{track} } = $p;
    }

    return @found;
}


# the largest DTS step of a track: (ms, DTS before it)
sub largest_step {
    my ($self, $track) = @_;

    my ($step, $where, $last) = (0, 0);

    for my $p ($self->packets($track)) {
        if (defined $last && $p->{dts} - $last > $step) {
            $step = $p->{dts} - $last;
            $where = $last;
        }

        $last = $p->{dts};
    }

    return wantarray ? ($step, $where) : $step;
}


# steps of a track that are over a limit
sub steps_over {
    my ($self, $track, $limit) = @_;

    my (@found, $last);

    for my $p ($self->packets($track)) {
        if (defined $last && $p->{dts} - $last > $limit) {
            push @found, sprintf '%s %d -> %d (+%d)', $track, $last,
                                 $p->{dts}, $p->{dts} - $last;
        }

        $last = $p->{dts};
    }

    return @found;
}


# the longest wait for any packet: (ms, DTS of the packet waited for)
sub largest_gap {
    my ($self) = @_;

    my ($gap, $where, $last) = (0, 0);

    for my $p ($self->packets) {
        if (defined $last && $p->{at} - $last > $gap) {
            $gap = $p->{at} - $last;
            $where = $p->{dts};
        }

        $last = $p->{at};
    }

    return wantarray ? ($gap, $where) : $gap;
}


# the end of the video less the end of the audio
sub end_difference {
    my ($self, $frame, $audio_frame) = @_;

    my @v = $self->packets('V');
    my @a = $self->packets('A');

    return undef unless @v && @a;

    # DTS of B frames run ahead of the picture: the end is the last PTS
    my $v = 0;
    for my $p (@v) {
        $v = $p->{pts} if $p->{pts} > $v;
    }

    return ($v + $frame) - ($a[-1]{dts} + $audio_frame);
}


# what is on air now: the newest video DTS less the newest audio DTS
sub headers {
    my ($self, $track) = @_;

    return grep { $_->{header} } $self->packets($track);
}


sub first {
    my ($self, $track) = @_;

    my ($p) = $self->packets($track);
    return $p;
}


sub last {
    my ($self, $track) = @_;

    my @p = $self->packets($track);
    return @p ? $p[-1] : undef;
}


sub bytes {
    my ($self) = @_;

    my $n = 0;
    $n += $_->{size} for $self->packets;
    return $n;
}


sub summary {
    my ($self) = @_;

    my ($vs, $vw) = $self->largest_step('V');
    my ($as, $aw) = $self->largest_step('A');
    my ($gap, $gw) = $self->largest_gap;

    return sprintf 'video %d, audio %d packets; largest step video %d ms at '
        . '%d, audio %d ms at %d; largest arrival gap %.0f ms at %d; '
        . 'headers video %d, audio %d', $self->count('V'), $self->count('A'),
        $vs, $vw, $as, $aw, $gap, $gw, scalar(my @h = $self->headers('V')),
        scalar(my @g = $self->headers('A'));
}


1;
