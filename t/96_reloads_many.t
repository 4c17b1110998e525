#!/usr/bin/perl

# Reloads one after the other, each with a new stream: whoever asks for it gets
# it, and keeps it.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $reloads = $ENV{RELOADS} || 10;
my $t = DirectStream::Test->new;
my $list = $t->plain_list('short', 'two.mp4', 'one.mp4');

my %args = (workers => 1);


sub streams {
    return join '', map { "    stream $_ { playlist $list; }\n" } @_;
}


# as fast as one a second, but for what the machine takes

my (@names, @watched);

$t->near(%args);

for my $i (1 .. $reloads) {
    my $from = $t->now;
    my $name = "r$i";

    push @names, $name;
    $t->near_write(%args, directstream => streams(@names));
    $t->signal('HUP');

    ok($t->wait_state($name, 'live', 15), "$name: live");
    push @watched, $t->watch($name, url => $t->near_rtmp . "/$name");

    my $left = 1 - ($t->now - $from) / 1000;
    Time::HiRes::sleep($left) if $left > 0;
}

is(join(' ', grep { !$t->wait_packet($_, 10) } @watched), '',
   "after each of $reloads reloads the local viewer gets its stream");

my $since = $t->now;

is(join(' ', grep {
    my $w = $_;
    !$t->wait_for(sub { my $last = $t->flow($w)->last('V');
                        $last && $last->{at} > $since }, 10);
} @watched), '', 'and keeps it through those that follow');

$t->finish;
