#!/usr/bin/perl

# A list of 5,000 items that is edited at random while it plays, with errors,
# empty, truncated, half-length and slow answers between.  What is on air is
# what a model of the rules in docs/programme.md, written here, says, in the
# order in which the log has it; and what came at the far end is that, no item
# twice, none left out, without a gap.  SOAK_EDITS sets how many there are;
# SOAK_SEED repeats a run.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;

use List::Util qw(max min shuffle);


my $edits = $ENV{SOAK_EDITS} || 16;
my $seed = $ENV{SOAK_SEED} || $$;
my $items = 5000;
my $kinds = 8;

srand $seed;

my $t = DirectStream::Test->new;
my $dir = $t->dir;

$t->far;

mkdir "$dir/logs";
chmod 0777, "$dir/logs";


# A clip is one group of pictures: at the far end a key frame is the beginning
# of an item, and its size tells of which.

$t->media;

for my $k (0 .. $kinds - 1) {
    my $seconds = (13 + $k) / 25;

    DirectStream::Media::ffmpeg("$dir/www/clip$k.mp4", '-f', 'lavfi', '-i',
        "testsrc2=size=160x90:rate=25:duration=$seconds,"
        . 'noise=all_seed=1:alls=' . (4 + 8 * $k),
        '-f', 'lavfi', '-i', 'sine=frequency=' . (300 + 50 * $k)
        . ":sample_rate=44100:duration=$seconds",
        qw(-c:v libx264 -preset veryfast -pix_fmt yuv420p -bf 0 -g 100
           -sc_threshold 0 -threads 1 -c:a aac -ac 2 -b:a 64k
           -movflags +faststart));
}

# the lists come from a server of their own, which has faults by request

my $port_file = "$dir/lists.port";

mkdir "$dir/lists";
$t->write_file('control', '');
$t->run('list-server', $^X, "$DirectStream::Test::ROOT/t/tools/media-server",
        '--root', "$dir/lists", '--port', 0, '--port-file', $port_file,
        '--control', "$dir/control", '--log', "$dir/lists.log");

my ($port) = $t->wait_for(sub {
    return $t->read_file($port_file) =~ /^(\d+)/ ? $1 : 0;
}, 10, 'the server of lists');


sub text {
    return '[' . join(",\n", map {
        sprintf '{"id":"%s","url":"%s"}', $_,
                $t->media_url('clip' . $_ % $kinds . '.mp4', "n=$_")
    } @_) . ']';
}


sub publish {
    my ($text, $faults) = @_;

    $t->write_file('control', defined $faults ? "edits $faults\n" : '');
    $t->write_file('lists/new', $text);
    rename "$dir/lists/new", "$dir/lists/edits.json" or die "$!\n";

    return;
}


my @list = 1 .. $items;
my $last_id = $items;

publish(text(@list));

$t->near(directstream => <<"END");
    directstream_log $dir/logs/asrun.log json;
    playlist_refresh off;
END

my $w = $t->watch('s');
is(($t->create('s', "http://127.0.0.1:$port/edits.json"))[0], 201,
   "$items items");
ok($t->wait_packet($w), 'on air');


# what the log says, in its order

my (@log, %changes);
my ($log_at, $log_rest) = (0, '');
my @given = ({ list => [ @list ] });


sub read_log {
    open my $fh, '<', "$dir/near/error.log" or return;
    seek $fh, $log_at, 0;
    local $/;
    my $text = $log_rest . (<$fh> // '');
    $log_at = tell $fh;
    ($text, $log_rest) = $text =~ /\A(.*\n|)([^\n]*)\z/s;

    for (split /\n/, $text) {
        push @log, [ air => $1 ] if / on air, .*id: "(\d+)"/;
        push @log, [ list => "$1 $2 $3" ]
            if /has changed, .* added: (\d+), removed: (\d+), moved: (\d+)/;
        push @log, [ bad => $_ ] if /item \S+ (?:failed|is passed over|is wai)/;
    }

    return;
}


sub seen {
    my ($what) = @_;
    read_log();
    return grep { $_->[0] eq $what } @log;
}


sub on_air {
    my @air = seen('air');
    return @air ? $air[-1][1] : 0;
}


sub readings {
    return scalar(my @n = $t->read_file('lists.log') =~ /edits\.json/g);
}


ok($t->wait_for(sub {
    return ($t->field('s', 'playlist', 'count') || 0) == $items
           && $t->field('s', 'playlist', 'complete');
}, 20), 'all of it is known');


# asks for a reading: it is taken, or kept for this reason

sub refresh {
    my ($what, $list, $code) = @_;

    my $n = seen('list');
    my $readings = readings();
    my $p;

    $given[@given] = { what => $what, list => [ @$list ] } unless $code;

    my $status = $t->api('POST', 'api/1/streams/s/refresh');
    my $done = $status == 202 && $t->wait_for(sub {
        return seen('list') > $n unless $code;

        $p = $t->status('s')->{status}{playlist};
        return readings() > $readings && !$p->{refreshing}
               && ($p->{pending}{code} // '') =~ $code;
    }, 30);

    my $kept = !$code || seen('list') == $n;

    ok($done && $kept, "$what: " . ($code ? 'not believed' : 'taken'))
        or diag(explain($p // $t->status('s')->{status}{playlist}));

    return;
}


sub place {
    my $id = on_air();
    my ($i) = grep { $list[$_] == $id } 0 .. $#list;
    return $i // int rand @list;
}


sub new_ids {
    return map { ++$last_id } 1 .. $_[0];
}


sub put {
    my ($at, @ids) = @_;
    splice @list, min(max($at, 0), scalar @list), 0, @ids;
    return;
}


# near what is on air or anywhere
sub somewhere {
    my $at = rand() < 0.7 ? place() + int(rand 8) - 3 : int rand @list;
    return min(max($at, 0), $#list);
}


my %edit = (
    insert => sub { put(place() + 1, new_ids(1 + int rand 3)) },
    before => sub { put(place() - int(rand 3), new_ids(1 + int rand 3)) },
    add => sub { put(int(rand @list), new_ids(1 + int rand 20)) },
    remove => sub { splice @list, somewhere(), 1 + int rand 3 },
    move => sub {
        my ($id) = splice @list, somewhere(), 1;
        put(somewhere(), $id);
    },
    far => sub {
        my ($id) = splice @list, min(place() + int(rand 3), $#list), 1;
        put(int(rand @list), $id);
    },
    end => sub { push @list, splice @list, max(place() - 2, 0), 1 },
    reorder => sub {
        my $from = max(place() - 10, 0);
        my $to = min($from + 20, $#list);
        @list[$from .. $to] = shuffle @list[$from .. $to];
        put($to, new_ids(1));
    },
    turn => sub { push @list, splice @list, 0, 1 + int rand @list - 1 },
    replace => sub { @list = new_ids($items) },
);


# of each kind one before a kind comes again

my @bag;

sub draw {
    @bag = shuffle(keys %edit, keys %edit, qw(truncated error empty slow half
                   twice broken goto goto)) unless @bag;
    return shift @bag;
}


sub fault {
    my ($what) = @_;

    my $was = text(@list);

    if ($what eq 'truncated') {
        publish(substr $was, 0, length($was) / 2);
        refresh($what, [], qr/./);

    } elsif ($what eq 'broken') {
        publish($was, 'cut=' . int(length($was) / 2));
        refresh($what, [], qr/./);

    } elsif ($what eq 'error') {
        publish($was, 'status=500');
        refresh($what, [], qr/./);

    } elsif ($what eq 'empty') {
        publish('[]');
        refresh($what, [], qr/^playlist_empty$/);

    } else {
        my @half = @list[0 .. int(@list / 2) - 2];

        publish(text(@half));
        refresh('half', [], qr/^playlist_short$/);

        if ($what eq 'half') {
            publish('', 'status=500');
            refresh('error after it', [], qr/^source/);
            publish(text(@half));
            refresh('half, after an error', [], qr/^playlist_short$/);

        } else {
            refresh('half, the same again', \@half);
            put(scalar @half, new_ids(3));
        }
    }

    return;
}


# so that the end of a pass is soon

sub go_to {
    my $at = place();
    my ($to) = map { $list[$_] } grep { $_ < $at || $_ > $at + 3 }
               shuffle $#list - 8 .. $#list;

    push @log, [ goto => $to ];
    $t->api('POST', 'api/1/streams/s/play', { id => "$to" });
    ok($t->wait_for(sub { on_air() == $to }, 20), "go to $to");

    return;
}


my %done;

for my $n (1 .. $edits) {
    my $what = draw();

    $done{$what}++;

    # anywhere within an item
    Time::HiRes::sleep(rand 0.4);

    if ($what eq 'goto') {
        go_to();
        next;
    }

    my $was = "@list";

    if ($edit{$what}) {
        $edit{$what}->() while "@list" eq $was;

    } elsif ($what eq 'slow') {
        put(place() + 2, new_ids(2));

    } else {
        fault($what);
        next if $what ne 'twice';
    }

    publish(text(@list), $what eq 'slow' ? 'latency=1500' : undef);
    refresh($what, \@list);
}

my $n = seen('air');

ok($t->wait_for(sub { seen('air') >= $n + 3 }, 20), 'it goes on');
is($t->field('s', 'output', 'reconnects'), 0, 'one session');
$t->api('DELETE', 'api/1/streams/s');
$t->wait_drained($w);
read_log();


# The model.  A pass goes on behind "place" with what has not had its turn in
# it ("turn").  "spot" is what is on air, or what is left before it; undefined
# when that was of the pass before.  "next" is what is prepared, which it may
# be or not when a list is taken: both are tried.

sub choose {
    my ($s) = @_;

    return if defined $s->{next};

    for (1, 2) {
        for my $i ($s->{place} + 1 .. $#{ $s->{list} }) {
            my $id = $s->{list}[$i];
            next if $s->{turn}{$id};
            @$s{qw(place next)} = ($i, $id);
            $s->{turn}{$id} = 1;
            return;
        }

        @$s{qw(place spot turn)} = (-1, undef, {});
    }

    return;
}


sub copy {
    my ($s) = @_;
    return { %$s, turn => { %{ $s->{turn} } } };
}


# and with what is next prepared
sub either {
    my @also = map { copy($_) } @_;
    choose($_) for @also;
    return (@_, @also);
}


sub changed {
    my ($s, $list, $at) = @_;

    my $spot = $s->{spot};

    $spot-- while defined $spot && $spot >= 0
                  && !defined $at->{ $s->{list}[$spot] };

    $s->{spot} = defined $spot && $spot >= 0 ? $at->{ $s->{list}[$spot] }
                                             : undef;
    $s->{place} = $s->{spot} // -1;

    undef $s->{next} if defined $s->{next} && !defined $at->{ $s->{next} };

    # what is gone and comes again is new, but for what is on air
    delete @{ $s->{turn} }{ grep { !defined $at->{$_} && $_ != $s->{air} }
                            keys %{ $s->{turn} } };
    @$s{qw(list at)} = ($list, $at);

    return;
}


sub begun {
    my ($s, $id, $goto) = @_;

    if ($goto) {
        my $at = $s->{at}{$id};

        return 0 unless $s->{goto} == $id && defined $at;

        # what follows has its turn again, and so has what was prepared
        delete $s->{turn}{ $s->{next} } if defined $s->{next};
        delete @{ $s->{turn} }{ grep { ($s->{at}{$_} // $at) > $at }
                                keys %{ $s->{turn} } };
        $s->{turn}{$id} = 1;
        @$s{qw(place goto)} = ($at, 0);

    } else {
        choose($s);
        return 0 if $s->{next} != $id;
    }

    # what was on air and is gone is forgotten
    delete $s->{turn}{ $s->{air} } unless defined $s->{at}{ $s->{air} };

    $s->{air} = $id;
    $s->{spot} = $s->{at}{$id};
    undef $s->{next};

    return 1;
}


# added, removed, and the fewest moves that explain the order
sub difference {
    my ($old, $new) = @_;

    my (%was, %is, @tails);
    @was{@$old} = 0 .. $#$old;
    @is{@$new} = ();

    my @common = map { $was{$_} } grep { defined $was{$_} } @$new;

    for my $v (@common) {
        my ($low, $high) = (0, scalar @tails);

        while ($low < $high) {
            my $m = int(($low + $high) / 2);
            ($tails[$m] < $v ? $low : $high) = $tails[$m] < $v ? $m + 1 : $m;
        }

        $tails[$low] = $v;
    }

    return join ' ', @$new - @common, scalar(grep { !exists $is{$_} } @$old),
                     @common - @tails;
}


sub indexes {
    my ($list) = @_;
    my %at;
    @at{@$list} = 0 .. $#$list;
    return \%at;
}


my @states = ({ list => $given[0]{list}, at => indexes($given[0]{list}),
                place => -1, turn => {}, air => 0, goto => 0 });
my ($lists, $wrong, $most, @ran) = (0, '', 0);

for my $i (0 .. $#log) {
    my ($what, $value) = @{ $log[$i] };

    if ($what eq 'goto') {
        $_->{goto} = $value for @states;

    } elsif ($what eq 'bad') {
        $wrong = $value;

    } elsif ($what eq 'list') {
        my $g = $given[++$lists];
        my $d = difference($given[$lists - 1]{list}, $g->{list});

        $wrong = "$g->{what}: said: $value, is: $d" if $d ne $value;

        my $at = indexes($g->{list});
        @states = either(@states);
        changed($_, $g->{list}, $at) for @states;

    } else {
        my $want = join ' ', map { my $s = copy($_); choose($s);
                                   "$s->{next} (behind $s->{air})" } @states;

        # it may have its turn before the request for it
        my @jumps = grep { begun($_, $value, 1) }
                    either(map { copy($_) } @states);
        my %same;

        @states = grep { !$same{ join ' ', @$_{qw(place goto)},
                                 $_->{spot} // '',
                                 sort keys %{ $_->{turn} } }++ }
                  @jumps, grep { begun($_, $value) } @states;
        push @ran, $value;
        $wrong = "on air: $value, by the rules: $want" unless @states;
    }

    $most = @states if @states > $most;

    if ($wrong) {
        $wrong .= ", after " . join ', ', map { "@$_" }
                  @log[max(0, $i - 12) .. $i];
        $wrong .= "; last edit: " . ($given[$lists]{what} // 'none');
        last;
    }
}

is($wrong, '', 'on air is what the rules say');
is($lists, $#given, 'each list that was believed was taken once');


# the as-run log has the same, whole

my @run = map { JSON::PP::decode_json($_) }
          split /\n/, $t->read_file('logs/asrun.log');

is(join(' ', map { $_->{id} } @run), "@ran", 'the as-run log has the same');
is(join(' ', map { $_->{id} } grep { $_->{slate} + $_->{gap} > 0 } @run), '',
   'no slate');

my @short = grep { my $r = $_;
    $r->{outcome} eq 'played'
    && abs($r->{duration} - (13 + $r->{id} % $kinds) / 25) > 0.1 } @run;
is(join(' ', map { "$_->{id}: $_->{duration}" } @short), '',
   'each to its end');

# The far end saw them, each once, from when it was connected, but for what
# was interrupted before its first frame.

@ran = map { $_->{id} } grep { $_->{bytes} > 0 || $_->{outcome} eq 'played' }
       @run;

my $flow = $t->watched($w);
diag($flow->summary);

my @keys = map { $_->{size} } grep { $_->{key} && !$_->{header} }
           $flow->packets('V');
my (%size, @other);
my @before = splice @ran, 0, max(0, @ran - @keys);

for my $i (0 .. min($#keys, $#ran)) {
    my $kind = $ran[$i] % $kinds;
    $size{$kind} //= $keys[$i];
    push @other, "$i: $ran[$i]" if $size{$kind} != $keys[$i];
}

my %differ = map { $_ => 1 } values %size;
is(scalar keys %differ, scalar keys %size, 'they can be told apart there');
ok(@before <= 2 && @keys == @ran, 'as many at the far end')
    or diag("@keys\n@before, @ran");
is(join(', ', @other), '', 'and the same ones');
is(join("\n", $flow->backward), '', 'no backward time stamp');
is(join("\n", $flow->steps_over('V', 200)), '', 'no gap in the picture');
is(join("\n", $flow->steps_over('A', 200)), '', 'nor in the sound');

diag("$edits edits, seed $seed: " . join(', ', map { "$done{$_} $_" }
     sort keys %done));
diag("$lists lists taken, " . @keys . " items on air, at most $most"
     . ' courses by the rules; largest step '
     . max(scalar $flow->largest_step('V'), scalar $flow->largest_step('A'))
     . ' ms');

$t->allow(qr/playlist that was read again is not taken/);
$t->finish;
