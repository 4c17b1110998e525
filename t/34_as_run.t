#!/usr/bin/perl

# The as-run log: a line for each item that was on air, whatever its title;
# formats, escapes, reopening; a log that cannot be written disturbs nobody.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;

use Encode ();
use Time::Local qw(timegm);


my $t = DirectStream::Test->new;
my $dir = $t->dir;

mkdir "$dir/logs";
chmod 0777, "$dir/logs";

# what is refused, and what nginx -t says of it

my @bad = (
    [ 'directstream_log_format x "$title $artist";', qr/"\$artist".*\$title/ ],
    [ 'directstream_log_format x "a $ b";', qr/invalid variable.*"a \$ b"/ ],
    [ 'directstream_log_format x "${title";', qr/invalid variable/ ],
    [ 'directstream_log_format x escape=xml "$id";', qr/"xml".*"json"/ ],
    [ 'directstream_log_format x;', qr/number of arguments/ ],
    [ 'directstream_log_format json "$id";', qr/duplicate.*"json"/ ],
    [ 'directstream_log logs/x none;', qr/"none".*"combined".*"json"/ ],
    [ 'directstream_log off; directstream_log logs/x;', qr/duplicate/ ],
    [ 'directstream_log logs/x; directstream_log off;', qr/duplicate/ ],
    [ 'directstream_log syslog:server=x;', qr/must be a file, .*or "off"/ ],
    [ 'directstream_log logs/$stream.log;', qr/without variables/ ],
    [ 'directstream_log_format x escape=json;', qr/has no text/ ],
    [ 'directstream_log;', qr/number of arguments/ ],
);

for my $b (@bad) {
    my $file = $t->near_write(directstream => $b->[0])->{conf};
    my ($rc, $said) = $t->nginx_t($file);

    isnt($rc, 0, "refused: $b->[0]");
    like($said, $b->[1], 'with what is accepted');
    like($said, qr/nginx\.conf:\d+/, 'and where');
}

my ($rc, $said) = $t->nginx_t($t->near_write(directstream =>
    'directstream_log off;')->{conf});
is($rc, 0, 'off') or diag($said);

# titles as nobody would want them

my %titles = (
    quotes => 'He said "no\\", \'yes\'',
    html => '<b>&amp;</b><script>alert(1)</script>',
    newline => "first\nsecond\r\tthird\x{1b}[31m\x{7f}",
    rtl => "\x{202e}\x{5e9}\x{5dc}\x{5d5}\x{5dd} \x{1f600}",
    long => "\x{fc}" x 5000,
);

my @entries = map {
    $t->stub_entry("item-$_", 'a.mp4', title => $titles{$_})
} sort keys %titles;

push @entries, $t->stub_entry('item-bad', $t->media_url('b.mp4',
                              'cut=50000&signature=GEHEIM'));
push @entries, $t->stub_entry('item-last', $t->media_url('b.mp4',
                              'signature=GEHEIM'));

my $url = $t->stub_list('PLasrun', entries => \@entries);

$t->near(directstream => <<"END");
    source_timeout 2s;
    directstream_log_format mine escape=none
        '\${stream}:\$outcome:\$id:' '\$msec:\$title';
    directstream_log_format plain '\$id "\$title" \$code';

    directstream_log $dir/logs/json.log json;
    directstream_log $dir/logs/combined.log;
    directstream_log $dir/logs/mine.log mine;
    directstream_log $dir/logs/plain.log plain;
    directstream_log relative.log json;
    directstream_log /dev/full json;
END

my $strict = JSON::PP->new->utf8;


# lines of JSON, each decoded strictly
sub records {
    my ($file, $stream) = @_;

    my @found;

    for my $line (split /\n/, $t->read_file($file || 'logs/json.log')) {
        my $r = eval {
            Encode::decode('UTF-8', my $copy = $line, Encode::FB_CROAK);
            $strict->decode($line);
        };

        ok(0, "a line parses: $line ($@)") unless $r;
        push @found, $r if $r && (!$stream || $r->{stream} eq $stream);
    }

    return @found;
}


sub wait_records {
    my ($n, $file, $stream) = @_;

    my @found;

    $t->wait_for(sub {
        @found = records($file, $stream);
        return @found >= $n;
    }, 30, "$n lines in the log");

    return @found;
}


sub unix {
    my ($time) = @_;

    my ($y, $mon, $d, $h, $m, $s, $ms) = $time =~
        /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{3})Z$/ or return 0;

    return timegm($s, $m, $h, $d, $mon - 1, $y) + $ms / 1000;
}


$t->create('run', $url, loop => JSON::PP::false);
ok($t->wait_state('run', 'finished', 40), 'a playlist was on air');

my @r = wait_records(6);
my %by = map { $_->{id} => $_ } @r;

is(join(' ', map { $_->{id} } grep { $_->{outcome} eq 'played' } @r),
   join(' ', map({ "item-$_" } sort keys %titles), 'item-last'),
   'what was played, in its order');

for my $name (qw(quotes html rtl)) {
    is($by{"item-$name"}{title}, $titles{$name}, "the title with $name");
}

is($by{'item-newline'}{title}, 'first?second??third?[31m?',
   'a title has no control characters');

my $cut = $by{'item-long'}{title};
cmp_ok(length Encode::encode('UTF-8', $cut), '<=', 256, 'a long title is cut');
is($cut, substr($titles{long}, 0, length $cut), 'at a character');

my $end = 0;

for my $r (grep { $_->{outcome} eq 'played' } @r) {
    my ($from, $to) = (unix($r->{started}), unix($r->{ended}));

    cmp_ok(abs($r->{duration} - 2), '<', 0.2, "$r->{id}: 2 s of media");
    cmp_ok(abs($to - $from - $r->{duration}), '<', 0.7, 'took as long');
    cmp_ok($from, '>=', $end - 0.2, 'after the one before');
    cmp_ok(abs($to - time), '<', 60, 'just now');
    is(join(' ', @$r{qw(stream decision position code)}), 'run copy 0 ',
       'stream, decision, position, code');
    cmp_ok($r->{bytes}, '>', 10000, 'bytes');
    cmp_ok($r->{gap}, '<', 1, 'no gap');
    like($r->{time}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/,
         'time');
    $end = $to;
}

is($by{'item-last'}{index}, 6, 'index');
is($by{'item-last'}{source}, $t->media_url('b.mp4'), 'source');

# a slate of still pictures and silence is small

my ($total, $slate) = (0, 0);
($total += $_->{bytes}, $slate += $_->{slate}) for @r;
my $sent = $t->field('run', 'output', 'bytes');
cmp_ok(abs($total - $sent), '<=', $sent * 0.02 + $slate * 8000,
       'the bytes are what was sent') or diag("$total, $sent, $slate s");

# one that was cut off

my $bad = $by{'item-bad'};
ok($bad, 'a line of the item that failed');
is($bad->{outcome}, 'failed', 'it says so') if $bad;
like($bad->{code}, qr/^source_(?:cut|stalled)$/, 'and why') if $bad;
like($bad->{reason}, qr/\w/, 'in words') if $bad;

# the other formats

my @combined = split /\n/, $t->read_file('logs/combined.log');
is(scalar @combined, scalar @r, 'combined: as many lines');
is(scalar(grep { !/^run\ \[[^]]+\]\ (?:played|failed|skipped)\ \d+\ "[^"]*"
                   \ "[^"]*"(?:\ \d+\.\d{3}){4}\ \d+\ (?:copy|encode|none)
                   \ "[^"]*"\ [\w-]+\ "[^"]*"\ -$/x } @combined), 0,
   'in their form') or diag(join "\n", @combined);
is(scalar(grep { /[^\x20-\x7e]/ } @combined), 0, 'and printable');

my ($plain) = grep { /^item-quotes / } split /\n/,
              $t->read_file('logs/plain.log');
is($plain, 'item-quotes "He said \x22no\x5C\x22, \'yes\'" -',
   'escapes are those of nginx');

($plain) = grep { /^item-rtl / } split /\n/, $t->read_file('logs/plain.log');
is($plain, 'item-rtl "' . join('', map { sprintf '\x%02X', ord }
                               split //, Encode::encode('UTF-8',
                                                        $titles{rtl})
                               =~ s/ /\x00/r) =~ s/\\x00/ /r . '" -',
   'also beyond ASCII');

like($t->read_file('logs/mine.log'),
     qr/^run:played:item-html:\d+\.\d{3}:\Q$titles{html}\E$/m,
     'without escapes');
is(scalar records('near/relative.log'), scalar @r, 'a relative path');

unlike(join('', map { $t->read_file("logs/$_.log") }
                    qw(json combined mine plain)), qr/GEHEIM/,
       'no query string');

# what could not be written

my @warn = $t->log_of =~ m{\[warn\].*write\(\) to "/dev/full" failed}g;
is(scalar @warn, 1, 'one warning of a disk that is full');
is($t->field('run', 'dead_air_ms'), 0, 'the air did not notice')
    if !grep { $_->{outcome} eq 'failed' } @r;

# a title that is no text

my $list = $t->publish_file('inv.json', sprintf
    '[{"url": "%s", "id": "item-inv", "title": "a%sb%s"}]',
    $t->media_url('a.mp4'), "\xff\xfe", "\xc3");
$t->create('inv', $list, loop => JSON::PP::false);

my ($inv) = wait_records(1, undef, 'inv');
like($inv->{title}, qr/^a.+b/, 'what is not UTF-8 does not get far');

# skipped on air

$t->create('skip', $t->plain_list('skip', 'long.mp4', 'long.mp4?2'));
ok($t->wait_state('skip', 'live', 10), 'live');
ok($t->wait_for(sub { ($t->field('skip', 'item', 'position') || 0) > 1 }, 10),
   'for a second');
$t->api('POST', 'api/1/streams/skip/skip');

my ($skip) = wait_records(1, undef, 'skip');
is($skip->{outcome}, 'skipped', 'skipped');
cmp_ok($skip->{duration}, '<', 30, 'before its end');
cmp_ok($skip->{duration}, '>', 0.5, 'after a while');

# opened anew: by the relay worker, and after a reload by the old one, too


sub reopened {
    my ($what) = @_;

    rename "$dir/logs/json.log", "$dir/logs/json.log.$what";
    my $old = -s "$dir/logs/json.log.$what";

    $t->signal('USR1');
    ok($t->wait_for(sub { -e "$dir/logs/json.log" }, 5), "$what: a new file");

    # workers do it after the master
    $t->wait_for(sub {
        return !grep { (readlink($_) || '') =~ /json\.log\.\Q$what\E$/ }
               map { glob "/proc/$_/fd/*" } $t->relay_pids;
    }, 5, 'the old file to be closed');

    $t->api('POST', 'api/1/streams/skip/skip');

    is(scalar(my @n = wait_records(1, undef, 'skip')), 1,
       "$what: a line in it");
    is(-s "$dir/logs/json.log.$what", $old, "$what: none in the old one");

    return;
}

reopened('reopen');

my $relay = $t->relay_pid;
$t->signal('HUP');
ok($t->wait_for(sub { (my @p = $t->relay_pids) == 2 }, 10), 'a reload');
reopened('reload');

# a run that is stopped ends its item, too

my $n = records();
$t->api('POST', 'api/1/streams/skip/stop');
ok($t->wait_state('skip', 'stopped', 5), 'stopped');
cmp_ok(scalar(my @s = wait_records($n + 1)), '>', $n, 'a line of what it was');

# so does one that is on air when nginx is stopped, the fast way as well

$t->api('POST', 'api/1/streams/skip/start');
ok($t->wait_state('skip', 'live', 10), 'on air again');
$n = records();
is($t->stop_nginx('near', 'TERM'), 0, 'a fast stop');
cmp_ok(scalar(@s = records()), '>', $n, 'a line of what was on air');

$t->finish;
