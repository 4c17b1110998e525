#!/usr/bin/perl

# The matrix: fault and cause, what plays next, seconds of slate; each with
# "loop" on and off and in all three modes, all side by side in one nginx,
# judged at the far end: items are told by their size there, the slate by its
# silence.  The table of docs/errors.md says the same.
#
# DS_MATRIX is how long outages last, s, 5 by default: for any of 5, 60 and
# 600 the table has a column.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;

use POSIX qw(ceil);
use Time::HiRes qw(time);


use constant {
    # ms of each item, and what may be missing or twice of it at the far end:
    # it goes on at a key frame, of which there are two a second
    ITEM => 3000, SHORT => 600, REST => 2000,

    # bytes: an audio packet of the items has more, one of silence less
    SILENCE => 60,
};

my $t = DirectStream::Test->new;
my $long = $ENV{DS_MATRIX} || 5;
my @sizes = qw(320x180 352x198 384x216 416x234 448x252);
my %of_size = map { $sizes[$_] => $_ } 0 .. $#sizes;

# mode and loop; the others in a long run
my @ways = qw(direct-on direct-off hybrid-off download-on);
push @ways, qw(hybrid-on download-off) if $ENV{DS_MATRIX};
my %server;


# what a retry may add to an outage: they come after 0.25, 0.5, ... 10 s
sub retried {
    my ($s) = @_;

    my ($at, $wait) = (0, 0.25);

    while ($at < $s) {
        $at += $wait;
        $wait = $wait < 5 ? 2 * $wait : 10;
    }

    return $at + 3;
}


# a resolver's site that is left alone: 10 s, twice as long each time
sub left_alone {
    my ($s) = @_;

    my ($at, $wait) = (0, 10);

    while ($at < $s) {
        $at += $wait;
        $wait *= 2;
    }

    return $at + 5;
}


my $same = 'the same item, from where it broke off';
my $either = "$same, or first the next one, which is ready earlier";
my $next = 'the next one, at once';

# "on" and "off" begin and end the fault; "most": s of slate by those of the
# fault; "items": those of the list, by what they are at the far end, -1: dead;
# "any": in any order

my @rows = (
    { name => 'refused', fault => 'the source\'s host refuses',
      next => $same, most => \&retried,
      server => '127.0.0.1', on => sub { stop('refused') },
      off => sub { server('refused') } },

    { name => 'shuffled', fault => 'it refuses, and the list is shuffled',
      next => $same, most => \&retried, shuffle => 1, any => 1,
      server => '127.0.0.1', on => sub { stop('shuffled') },
      off => sub { server('shuffled') } },

    { name => 'hangs', fault => 'the source\'s host does not answer',
      next => $either, any => 1, most => \&retried,
      server => '127.0.0.1', on => sub { all('STOP', 'hangs') },
      off => sub { all('CONT', 'hangs') } },

    { name => 'dns', fault => 'the name of the source\'s host is not known',
      next => $same, most => \&retried,
      server => 'source.test', on => sub { hosts('') },
      off => sub { hosts('127.0.0.1 source.test') } },

    { name => 'limited', fault => 'the source answers 429',
      next => $same, most => \&retried, server => '127.0.0.3',
      on => sub { control('limited', 'status=429') },
      off => sub { control('limited') } },

    { name => 'site', fault => 'the resolver\'s site cannot be reached',
      next => $same, most => \&retried, stub => 1,
      on => sub { stub('site', { mode => 'error', error => 'refused' }) },
      off => sub { stub('site') } },

    { name => 'asked', fault => 'the resolver\'s site answers 429',
      next => $same, most => \&left_alone, stub => 'https://asked.test/',
      on => sub { stub('asked', { mode => 'error', error => '429' }) },
      off => sub { stub('asked') } },

    { name => 'known', fault => 'URLs that the resolver gave are refused: 403',
      next => $same, most => \&retried, stub => 1,
      on => sub { control('known', 'status=403') },
      off => sub { control('known') } },

    { name => 'forbidden', fault => 'items of a plain list are refused: 403',
      next => $next, most => sub { 1 }, items => [ 0, -1, -1, 1, 2 ],
      dead => 'status=403' },

    { name => 'ten', fault => 'ten dead items in a row', next => $next,
      most => sub { 1 }, items => [ 0, (-1) x 10, 1, 2 ] },

    { name => 'sixty', fault => 'sixty dead items in a row', next => $next,
      most => sub { 1 }, items => [ 0, (-1) x 60, 1, 2 ] },

    { name => 'page', fault => 'the list is cut at its second page',
      next => 'what has been listed, then the rest', most => sub { 5 },
      stub => 1, cut => 3 },
);

my @all = @rows;

# who is not root cannot change what a name is
my $dns = $> == 0 && ($t->command(qw(unshare -m true)))[0] == 0;
@rows = grep { $_->{name} ne 'dns' || $dns } @rows;
@rows = grep { $ENV{DS_MATRIX_ROWS} =~ /\b$_->{name}\b/ } @rows
    if $ENV{DS_MATRIX_ROWS};


sub server {
    my ($name, $host) = @_;

    my $s = $server{$name} ||= { host => $host };
    my $file = $t->dir . "/$name.port";

    unlink $file;
    $s->{pid} = $t->run("media-$name-" . ++$s->{n}, $^X,
        "$DirectStream::Test::ROOT/t/tools/media-server",
        '--root', $t->dir . '/www', '--host', $s->{host},
        '--port', $s->{port} || 0, '--port-file', $file,
        '--control', $t->dir . '/control');
    $s->{port} = $t->wait_for(sub { ($t->read_file($file) =~ /(\d+)/)[0] },
                              10, "server $name");
    return $s->{port};
}


sub stop {
    my ($name) = @_;
    return $t->stop_pid($server{$name}{pid});
}


sub all {
    my ($signal, $name) = @_;

    my $pid = $server{$name}{pid};

    # it forks no more before its children are looked for
    kill $signal, $pid;
    return kill $signal, $t->descendants($pid);
}


# who reads it has the old one or the new one
sub replace {
    my ($name, $text) = @_;

    my $file = $t->dir . "/$name";

    $t->write_file("$name.new", $text);
    rename "$file.new", $file or die "$file: $!\n";

    return;
}


my %control;

sub control {
    my ($name, $fault) = @_;

    $control{$name} = defined $fault ? "$name $fault\n" : '';
    replace('control', join '', values %control);

    return;
}


# a mount would stay with the old one
sub hosts {
    my ($line) = @_;

    $t->write_file('hosts', "127.0.0.1 localhost\n$line\n");
    return;
}


my %list;

sub stub {
    my ($name, $fault) = @_;

    for my $stream (grep { /^$name-/ } keys %list) {
        replace("stub/$stream.json", $t->{json}->encode({
            %{ $list{$stream} }, $fault ? (item => $fault) : () }));
    }

    return;
}


# each stream has names of its own: none finds what another one keeps
sub media_of {
    my ($row, $stream) = @_;

    my $base = 'http://' . ($row->{server} || '127.0.0.1') . ':'
               . $server{ $row->{server} ? $row->{name} : 'main' }{port};
    my $n = 0;

    return map {
        my $name = "$stream-" . $n++ . '.mp4';
        my $clip = $_ < 0 ? 0 : $_;

        symlink $t->dir . "/clips/$clip.mp4", $t->dir . "/www/$name"
            if $_ >= 0 || $row->{dead};
        "$base/$name?" . ($_ < 0 && $row->{dead} ? $row->{dead}
                          : $row->{on} ? 'drip=55000' : '');
    } @{ $row->{items} || [ 0 .. $#sizes ] };
}


sub list_of {
    my ($row, $stream) = @_;

    my @urls = media_of($row, $stream);

    return $t->publish_file("$stream.json", $t->{json}->encode(\@urls))
        unless $row->{stub};

    my $n = 0;

    $list{$stream} = { entries => [ map {
        my $id = "$stream-" . $n++;
        { id => $id, title => $id, duration => ITEM / 1000, urls => [ $_ ],
          $row->{stub} =~ /^http/ ? (url => "$row->{stub}$id") : () }
    } @urls ] };

    $list{$stream}{list} = {
        mode => 'exit', after => $row->{cut}, for => 1, stderr =>
        "ERROR: [youtube:tab] $stream: Unable to download API page: HTTP Error "
        . '403: Forbidden (caused by <HTTPError 403: Forbidden>)',
    } if $row->{cut};

    return $t->stub_list($stream, %{ $list{$stream} });
}


# what was seen: { items => [...], aired => [ms of each], slate => ms }
sub seen {
    my ($flow) = @_;

    my (@items, @aired, %last);
    my ($slate, $item) = (0);

    for my $p ($flow->packets) {
        my $step = defined $last{ $p->{track} }
                   ? $p->{dts} - $last{ $p->{track} } : 0;
        $last{ $p->{track} } = $p->{dts};

        if ($p->{track} eq 'V') {
            my $now = $of_size{ $p->{picture} };

            if (defined $now && (!defined $item || $now != $item)) {
                push @items, $item = $now;
                push @aired, 0;
            }

        } elsif (@items) {
            # the sound is a little ahead of the picture, or behind it
            ($p->{size} < SILENCE ? $slate : $aired[-1]) += $step;
        }
    }

    # the slate may look like one before

    my (@of, @ms);

    for my $n (grep { $aired[$_] > 100 } 0 .. $#items) {
        if (@of && $of[-1] == $items[$n]) {
            $ms[-1] += $aired[$n];

        } else {
            push @of, $items[$n];
            push @ms, $aired[$n];
        }
    }

    return { items => \@of, aired => \@ms, slate => $slate };
}


mkdir $t->dir . "/$_" for qw(clips www);

for my $n (0 .. $#sizes) {
    DirectStream::Media::clip($t->dir . "/clips/$n.mp4", ITEM / 1000,
                              $sizes[$n], 44100, '-g 12 -bf 0 -b:v 250k',
                              ITEM / 1000, 220 + 60 * $n);
}

replace('control', '');
hosts('127.0.0.1 source.test');
$t->write_file('nsswitch', "hosts: files\n");
$t->media;
server('main', '127.0.0.1');
server($_->{name}, $_->{server} eq 'source.test' ? '127.0.0.1' : $_->{server})
    for grep { $_->{server} } @rows;

$t->far;
$t->near(directstream => 'source_timeout 2s; resolve_timeout 10s;'
                         . 'buffer 1s 1m; history 0;',
         log_level => 'notice',
         wrap => $dns ? [ qw(unshare -m /bin/sh -c),
                          "mount --bind $t->{dir}/hosts /etc/hosts && "
                          . "mount --bind $t->{dir}/nsswitch"
                          . ' /etc/nsswitch.conf && exec "$@"', 'sh' ] : []);

sub bool {
    return $_[0] ? JSON::PP::true : JSON::PP::false;
}


# how many items of each have been on air
sub begun {
    my %n;

    $n{$_}++ for $t->log_of =~ /"([\w-]+)": item \d+ on air/g;
    return \%n;
}


sub states {
    my (undef, $data) = $t->api('GET', 'api/1/streams?limit=1000');

    return { map { $_->{name} => $_->{status}{state} || $_->{state} }
             @{ $data->{streams} } };
}


# all rows side by side, each as soon as it is there

my $began = time;
my $asked = 0;
my %state;


# what is due of a row
sub step {
    my ($row, $n) = @_;

    my @streams = @{ $row->{streams} };

    if ($row->{on} && !$row->{at}) {
        # a busy machine may be late with one, and another one be over
        return if (grep { !$n->{$_} } @streams)
                  && !grep { /off$/ && ($n->{$_} || 0) > 2 } @streams;

        $row->{on}->();
        $row->{at} = time;

    } elsif ($row->{on} && !$row->{over}) {
        return if time < $row->{at} + $long;

        $row->{off}->();
        $row->{over} = time;

    } else {
        if ($asked < time - 0.5) {
            %state = %{ states() };
            $asked = time;
        }

        $row->{ended} ||= time if !grep {
            /off$/ && ($state{$_} // '') ne 'finished'
                || ($n->{$_} || 0) < $row->{wanted} - 2 * /off$/
        } @streams;
        $row->{done} = $t->now if $row->{ended}
                                  && time > $row->{ended} + 0.5;
    }

    return;
}


sub steps {
    my $n = begun();

    step($_, $n) for grep { $_->{streams} && !$_->{done} } @rows;
    return;
}


for my $row (@rows) {
    my @streams;

    $row->{wanted} = 2 + grep { $_ >= 0 } @{ $row->{items}
                                             || [ 0 .. $#sizes ] };

    for my $way (@ways) {
        my ($mode, $loop) = split /-/, $way;
        my $name = "$row->{name}-$way";

        push @streams, $name;
        $row->{watch}{$name} = $t->watch($name);
        $t->create($name, list_of($row, $name), mode => $mode,
                   shuffle => bool($row->{shuffle}),
                   $row->{cut} ? (playlist_refresh => 5) : (),
                   loop => bool($loop eq 'on'));
    }

    $row->{streams} = \@streams;
    steps();
}

my $until = time + 60 + left_alone($long);

while (time < $until && grep { !$_->{done} } @rows) {
    steps();
    select undef, undef, undef, 0.1;
}

diag(sprintf 'all of them took %.1f s', time - $began);

my $log = $t->log_of;

for my $row (@rows) {
    ok($row->{done}, "$row->{name}: done") or diag(join ' ', map {
        "$_: $state{$_}, " . (begun()->{$_} || 0) } @{ $row->{streams} });

    my @want = grep { $_ >= 0 } @{ $row->{items} || [ 0 .. $#sizes ] };
    my @slates;

    for my $name (@{ $row->{streams} }) {
        my $s = seen($t->watched($row->{watch}{$name})
                       ->between(0, $row->{done} || $t->now));
        my @items = @{ $s->{items} };
        my @aired = @{ $s->{aired} };

        if ($row->{any} && $name =~ /off$/) {
            my %sum;

            # it may be on air in two parts
            $sum{ $items[$_] } += $aired[$_] for 0 .. $#items;
            @items = grep { !$row->{had}{$name}{$_}++ } @items;
            @aired = @sum{@items};
        }

        my @expect = $name =~ /off$/ ? @want
                     : map { $want[$_ % @want] } 0 .. $#items;

        # what is kept is played while another one is waited for

        if ($row->{any} || $name !~ /direct/
            || ($row->{cut} && $name =~ /on$/))
        {
            my %seen = map { $_ => 1 } @items;

            @items = sort $name =~ /on$/ ? keys %seen : @items;
            @expect = @want;
        }

        is("@items", "@expect", "$name: the items, in their order")
            or diag("@{ $s->{items} }");

        # the viewer may come late, and go before the end; of what broke off
        # for the last 2 s they are not worth an attempt
        shift @aired;
        pop @aired if $name =~ /on$/;

        my @part = grep { abs($_ - ITEM) > SHORT } @aired;

        for (1 .. ($row->{any} && $name =~ /on$/ ? 2 : 1)) {
            shift @part if $row->{on} && @part
                && abs($part[0] - ITEM + REST / 2) <= SHORT + REST / 2;
        }

        is("@part", '', "$name: and all of each") or diag("@aired");

        push @slates, sprintf '%.1f', $s->{slate} / 1000;
        cmp_ok($slates[-1], '<=', $row->{most}->($long),
               "$name: the slate is no longer than that");
    }

    ok($log =~ /"$row->{name}-[\w-]+": (?:source broke|item \d+ is waited)/
       || $log =~ /asked nothing for .* host: "$row->{name}\.test"/,
       "$row->{name}: was felt") if $row->{on};

    diag("$row->{name}: slate: @slates s");
}

# the table that the docs have

my @table = ('| fault | plays next | 5 s | 60 s | 10 min |',
    map { my $row = $_;
          "| $row->{fault} | $row->{next} | "
          . join(' | ', map { ceil($row->{most}->($_)) } 5, 60, 600) . ' |' }
    @all);
my $docs = $t->read_file("$DirectStream::Test::ROOT/docs/errors.md");

for my $line (@table) {
    ok(index($docs, "$line\n") >= 0, 'docs/errors.md has it') or diag($line);
}

$t->finish;
