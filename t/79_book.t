#!/usr/bin/perl

# The book: every configuration in it is loaded, every command of a block
# "console" is run, links and anchors lead somewhere, each alert and each code
# has what to do, the reference of the API is as its description, and what
# systemd is told to take from nginx is not missed by a stream.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;
use DirectStream::Book;


my $t = DirectStream::Test->new;
my $root = $DirectStream::Test::ROOT;
my $book = DirectStream::Book->new($root);
my @pages = $book->pages;
my $as_root = $> == 0;


# form

is(join(' ', sort keys %{ $book->{page} }), join(' ', sort @pages),
   'docs/README.md has all pages, and no other');
cmp_ok($book->text('README.md') =~ tr/\n//, '<=', 250,
       'README has 250 lines at most');

my @broken;

for my $page (@pages) {
    my $prose = $book->prose($page);
    my %named = $prose =~ /^\[([^\]]+)\]: (\S+)$/mg;
    my @links = ($prose =~ /\]\(([^)\s]+)\)/g, values %named);
    my ($dir) = $page =~ m{^(.*/)};

    for my $link (@links) {
        next if $link =~ m{^https?://[\w.-]+(?:/|\z)};

        my ($file, $anchor) = $link =~ /^([^#]*)(?:#(.*))?\z/;
        $file = $file eq '' ? $page : ($dir // '') . $file;
        1 while $file =~ s{[^/]+/\.\./}{};

        my $there = -e "$root/$file";
        $there = grep { $_ eq $anchor } $book->anchors($file)
            if $there && defined $anchor && $book->text($file);
        push @broken, "$page: $link" unless $there;
    }

    # "[text]" alone is a link that is named below
    push @broken, map { "$page: [$_]" } grep { !$named{s/\s+/ /gr} }
                  $prose =~ s/`[^`]*`//gr
                         =~ /(?<![\]\w!])\[([A-Za-z][^\]]*)\](?![\(\[:])/g
        if %named;
}

# a command is run, so its block has a name
my @plain = grep { $book->text($_) =~ /^```\n\$ /m } @pages;
is("@plain", '', 'commands are in blocks "console"');

is(join("\n", @broken), '', 'links and anchors lead somewhere');


# what to do

my %remedy = $book->text('docs/errors.md')
             =~ /^\| `(\w+)` \| [^|]+ \| ([^|]+?) \|$/mg;
my ($errors) = $t->read_file("$root/src/ds.h")
               =~ /^(#define DS_ERRORS.*?[^\\]\n)\n/ms;
my $api = JSON::PP->new->decode(
    $t->read_file("$root/src/nginx/openapi.json"));
my %code = map { $_ => 1 } grep { $_ ne 'canceled' }
           $errors =~ /X\(\w+, "(\w+)"\)/g,
           @{ $api->{components}{schemas}{Problem}{properties}{code}{enum} };

cmp_ok(scalar keys %code, '>', 60, 'codes');
is(join(' ', grep { length($remedy{$_} // '') < 10 } sort keys %code), '',
   'each code has what to do');
is(join(' ', grep { !$code{$_} && $_ ne 'snapshot_unavailable' }
                  sort keys %remedy), '', 'and nothing else has');

my @alerts = $t->read_file("$root/conf/alerts.yml")
             =~ /^\s*- alert: (\w+)/mg;
my @sections = $book->text('docs/run-book.md') =~ /^## (\w+)$/mg;
is(join(' ', sort @sections), join(' ', sort @alerts),
   'the run-book has each alert, and no other');


# what is made

my ($rc, $made) = $t->command($^X, "$root/tools/docs", 'api');
is($rc, 0, 'tools/docs api');
ok($made eq $t->read_file("$root/docs/api-reference.md"),
   'the reference is as openapi.json: else run "make docs"');

($rc, $made) = $t->command($^X, "$root/tools/docs", 'single');
is($rc, 0, 'tools/docs single');
is(join(' ', $made =~ /^<!-- (\S+) -->$/mg), join(' ', @pages),
   'all pages, in their order');


# names that the code has

my ($table) = $t->read_file("$root/src/nginx/ngx_directstream_log.c")
              =~ /^(.*?)ngx_string\("combined"\)/ms;
my %variable = map { $_ => 1 } $table =~ /\{ ngx_string\("(\w+)"\), \w+LOG/g;
my %told = map { $_ => 1 } map { /\$(\w+)/g } map { (split /\|/)[1] }
           $book->text('docs/as-run.md') =~ /^(\| `\$.*)$/mg;
is(join(' ', sort keys %told), join(' ', sort keys %variable),
   'variables of the as-run log');

my $schemas = $api->{components}{schemas};
my %types = map { $_ => 1 } @{ $schemas->{LogEntry}{properties}{type}{enum} };
my $events = $book->text('docs/events.md');
is(join(' ', grep { $events !~ /`$_`/ } sort keys %types), '',
   'types of events');

my $feed = $t->read_file("$root/src/nginx/ngx_directstream_events.c");
my %event = map { $_ => 1 } $feed =~ /feed_begin\([^"()]*, "(\w+)"\)/g,
                            $feed =~ /"event: (\w+)\\ndata/g;
my ($rows) = $events =~ /^\| event \| data \|\n\|[-|]+\n((?:\|.*\n)+)/m;
is(join(' ', sort $rows =~ /^\| `(\w+)`/mg), join(' ', sort keys %event),
   'events by their names');

my ($vars) = $t->read_file("$root/src/youtube/ds_youtube.c")
             =~ /ds_youtube_vars\[\] = \{\n(.*?)\}/s;
my ($title) = $book->text('docs/directives.md')
              =~ /^## youtube_title\n(.*?)^## /ms;
is(join(' ', sort $title =~ /`\$(\w+)`/g), join(' ', sort $vars =~ /\$(\w+)/g),
   'variables of youtube_title');

my ($states) = $book->text('docs/api.md')
               =~ /^\| state \| meaning \|\n((?:\|.*\n)+)/m;
is(join(' ', sort $states =~ /^\| `(\w+)`/mg),
   join(' ', sort @{ $schemas->{Status}{properties}{state}{enum} }),
   'states of a stream');

my $glue = join '', map { $t->read_file($_) } glob "$root/src/nginx/*.c";
my $directives = $book->text('docs/directives.md');
is(join(' ', grep { $directives !~ /\b\Q$_\E/ }
                  $glue =~ /"([a-z_]+=)"/g), '', 'parameters of directives');

my ($newest) = $t->read_file("$root/src/ds.h")
               =~ /^#define DS_VERSION\s+"([\d.]+)"/m;
my (undef, $usage) = $t->command("$DirectStream::Test::BUILD/"
                                 . 'directstream-schema');
my ($schema) = $usage =~ /from 0 to (\d+)/;
ok($book->text('docs/operation.md') =~ /^\| \Q$newest\E \| $schema \|/m,
   "operation.md: $newest has version $schema of state.db");


# configurations

mkdir "$t->{dir}/$_" for qw(etc var srv srv/media var/hls backups console root);
$t->write_file("near/slate.png", 'a picture');
chmod 0777, "$t->{dir}/var/hls";

my %port = (1935 => $t->port, 8080 => $t->port, 443 => $t->port);
my $rtmp_default = "rtmp://127.0.0.1:$port{1935}/live";


sub here {
    my ($text) = @_;

    my $dir = $t->{dir};
    my $stub = $t->stub_command;

    $text =~ s{^\s*load_module .*\n}{}mg;
    $text =~ s{^user .*\n}{}mg;
    $text =~ s{/etc/nginx/}{$dir/etc/}g;
    $text =~ s{/var/log/nginx/}{$dir/near/}g;
    $text =~ s{/var/lib/nginx/directstream}{$dir/near/state}g;
    $text =~ s{/var/lib/nginx/}{$dir/var/}g;
    $text =~ s{(directstream_log_format )(combined|json)\b}{$1my_$2}g;
    $text =~ s{/srv/media}{$dir/srv/media}g;
    $text =~ s{/opt/yt-dlp/bin/yt-dlp|/usr/bin/yt-dlp}{$stub}g;
    $text =~ s{(127\.0\.0\.1:)(\d+)}{$1 . ($port{$2} || $2)}ge;

    return $text;
}


# what nginx.conf reads, relative to it
sub read_files {
    my ($text) = @_;

    my $tokens = 'a';

    for my $reads (
        [ qr/\bkey_file=([^\s;]+)/, sub { "key\n" } ],
        [ qr/\bauth_basic_user_file\s+([^\s;]+)/, sub { "admin:x\n" } ],
        [ qr/\bdirectstream_token\s+\S+\s+([^\s;]+)/,
          sub { $tokens++ x 64 . "\n" } ],
        [ qr/\byoutube_credentials\s+([^\s;]+)/,
          sub { '{"client_id": "i", "client_secret": "s",'
                . ' "refresh_token": "r"}' } ],
    ) {
        my ($directive, $content) = @$reads;

        for my $file ($text =~ /$directive/g) {
            $file = "near/$file" unless $file =~ m{^/};
            chmod 0600, $t->write_file($file, $content->());
        }
    }

    return;
}


# a whole nginx.conf with a block where it belongs
sub whole {
    my ($place, $text) = @_;

    my $has = sub { $text =~ /^\s*$_[0]\b/m };
    my $head = $t->head('near', module => 1);
    my $paths = $t->http_paths('near');
    my $state = $has->('state_path') ? '' : "state_path $t->{dir}/near/state;";
    my $publish = $has->('publish') ? '' : "publish $rtmp_default;";
    my $list = $has->('playlist') ? '' : 'playlist PLxxxxxxxxxxxxxxxx;';
    my $listen = $has->('listen') ? '' : "listen 127.0.0.1:$port{8080};";
    my $http = "directstream { $state $publish }\nhttp {\n$paths\n";

    my %wrap = (
        main => $text,
        directstream => "directstream {\n$state $publish\n$text}\n",
        stream => "directstream {\n$state $publish\n"
                  . "stream example {\n$list\n$text}\n}\n",
        rtmp => "rtmp {\n$text}\n",
        http => "$http$text}\n",
        server => "${http}server {\n$listen\n$text}\n}\n",
        location => "${http}server {\n$listen\n"
                    . "location /directstream/ {\n$text}\n}\n}\n",
    );

    read_files($text);
    $wrap{main} =~ s/^directstream \{\n/directstream {\n$state $publish\n/m;

    if ($place eq 'whole') {
        $text =~ s/^events .*\n//mg;
        $text =~ s/^worker_processes .*\n//mg;
        $text =~ s/^http \{\n/http {\n$paths/m;
        $text =~ s/^directstream \{\n/directstream {\n$state $publish\n/m;
        $wrap{whole} = $text;
    }

    return defined $wrap{$place} ? $head . $wrap{$place} : undef;
}


my @blocks = $book->blocks('nginx');
cmp_ok(scalar @blocks, '>', 20, 'blocks of nginx.conf');

for my $block (@blocks) {
    my $what = "$block->{page}:$block->{line}";
    my $place = $book->place($block);
    my $conf = defined $place ? whole($place, here($block->{text})) : undef;

    if (!defined $conf) {
        fail("$what: where it belongs");
        next;
    }

    my ($bad, $said) = $t->nginx_t($t->write_file('near/block.conf', $conf));
    is($bad, 0, "nginx -t: $what") or diag("$said$conf");
}


# commands

my $n;


sub console {
    my ($command) = @_;

    my ($http, $push) = ($port{8080}, $t->push_url('book'));

    $command = here($command);
    $command =~ s{:\Q$http\E(?=/)}{:$n->{http}}g;
    $command =~ s{https://example\.com/\w+\.mp4}{$t->media_url('long.mp4')}ge;
    $command =~ s{rtmps://[\w.]+/live2/}{$push}g;
    $command =~ s{/var/backups}{$t->{dir}/backups}g;

    return $command;
}


sub run_command {
    my ($command) = @_;

    if ($command =~ /^systemctl (stop|start) nginx$/) {
        return $1 eq 'stop' ? ($t->stop_nginx('near', 'QUIT'), '')
                            : ($t->start_nginx('near') ? 0 : 1, '');
    }

    my ($status, $said) = $t->command('/bin/sh', '-c',
        "cd '$t->{dir}/console' && export HOME=\$PWD && "
        . console($command));

    # what has no end is ended
    $status = 0 if $status >> 8 == 28 && $command =~ /curl -N /;

    return ($status, $said);
}


SKIP: {
    skip 'not root', 1 unless $as_root;

    $t->far;
    $t->write_file('console/.curlrc',
                   "silent\nshow-error\nfail-with-body\nmax-time 10\n");
    $t->stub_list('PLxxxxxxxxxxxxxxxx', entries => [
        map { $t->stub_entry("book000000$_", 'long.mp4', duration => 60) }
            1 .. 3
    ]);

    # as the unit is told to, where it can be without systemd
    my $unit = $t->read_file("$root/conf/nginx.service.d/hardening.conf");
    my @keep = map { '+' . lc s/^CAP_//r }
               map { split ' ' } $unit =~ /^CapabilityBoundingSet=(.*)/mg;
    my $dir = $t->{dir};
    my @write = (grep({ -d } map { split ' ' }
                      $unit =~ /^ReadWritePaths=(.*)/mg), $dir);

    # where / is no mount, as in a chroot, its propagation cannot be changed:
    # mounts must not get out of there all the same
    my @unshare = ('unshare', '-m');

    push @unshare, '--propagation', 'unchanged'
        if ($t->command(@unshare, 'true'))[0]
            && $t->read_file('/proc/self/mountinfo') !~ / shared:/;

    cmp_ok(scalar @keep, '>', 3, 'capabilities');

    $n = $t->near(directstream =>
        'stream lofi { playlist PLxxxxxxxxxxxxxxxx; }', http =>
        'location = /directstream/metrics { directstream_metrics; }',
        wrap => [ @unshare, '/bin/sh', '-c',
                  join(' && ', "mount --rbind / $dir/root",
                       "mount -o remount,bind,ro $dir/root",
                       map({ "mount --bind $_ $dir/root$_" } @write),
                       "exec chroot $dir/root \"\$@\""), 'sh',
                  'setpriv', '--no-new-privs',
                  '--bounding-set', join ',', '-all', @keep ]);

    $t->create('jazz', 'PLxxxxxxxxxxxxxxxx');
    ok($t->wait_state($_, 'live', 30), "\"$_\" is live in the sandbox")
        for qw(lofi jazz);

    my ($worker) = $t->relay_pid;
    like($t->read_file("/proc/$worker/status"), qr/^NoNewPrivs:\s+1/m,
         'without new privileges');

    for my $block ($book->blocks('python')) {
        my ($status, $said) = $t->command('/usr/bin/python3', '-c',
                                          console($block->{text}));

        is($status, 0, "$block->{page}:$block->{line}: python")
            or diag($said);
        like($said, qr/^lofi live$/m, 'and it prints what it should');
    }

    for my $block ($book->blocks('console')) {
        for my $c (DirectStream::Book->commands($block->{text})) {
            my ($command, $lines) = @$c;
            my $what = "$block->{page}:$block->{line}";
            my ($status, $said) = run_command($command);

            is($status, 0, "$what: " . (split /\n/, $command)[0])
                or diag($said);
            like($said, qr/^\Q$_\E$/m, "$what: prints $_") for @$lines;
        }
    }

    ok($t->wait_state('lofi', 'live', 30), 'live after the backup drill');
}


SKIP: {
    skip 'no promtool', 1 unless -x '/usr/bin/promtool';

    for my $block ($book->blocks('yaml')) {
        my ($bad, $said) = $t->command('/usr/bin/promtool', 'check', 'config',
            $t->write_file('prometheus.yml', $block->{text}));

        is($bad, 0, "$block->{page}:$block->{line}: promtool") or diag($said);
    }
}


# each program that is installed has a manual page, with its options and
# parameters and no others, and its place in the book

my $recipe = ($t->read_file("$root/Makefile") =~ /^install: (.*?)^\n/ms)[0];
my %program = map { $_ => 1 } $recipe =~ m{/(directstream-[\w-]+)(?!\.|[\w-])}g;
my $packaged = $t->read_file("$root/debian/manpages");

is(join(' ', sort keys %program), join(' ', sort map { m{/([^/]+)\.8$} }
   glob "$root/tools/*.8"), 'the programs have manual pages');

for my $name (sort keys %program) {
    my ($source) = grep { -e } "$root/tools/$name.c", "$root/tools/$name";
    my $text = $t->read_file($source);
    my $man = $t->read_file("$root/tools/$name.8");
    my ($short) = $text =~ /getopt\(argc, argv, "([^"]+)"/;
    my %there = map { $_ => 1 } ($short // '') =~ /(\w)/g,
                $text =~ /add_argument\("-(-[\w-]+)"/g;
    my %named = map { $_ => 1 } $man =~ /\bFl (-[\w-]+|\w)(?![\w-])/g;

    is(join(' ', sort keys %named), join(' ', sort keys %there),
       "$name: its page has the options that there are");

    my ($said) = $text =~ /"usage: (.*?);$/ms;
    my @words = ($said // '') =~ /\b([a-z]+(?:_[a-z]+)*)=/g;

    is(join(' ', grep { $man !~ /\b\Q$_\E\b/ } @words), '',
       "$name: and its parameters");
    like($packaged, qr{^tools/\Q$name\E\.8$}m, "$name: the package has it");
    like($book->text('docs/operation.md'), qr{`/usr/sbin/\Q$name\E`},
         "$name: operation.md says where it is");
}


SKIP: {
    skip 'no systemd-analyze', 1
        unless -x '/usr/bin/systemd-analyze'
               && -e '/lib/systemd/system/nginx.service';

    my $unit = $t->read_file('/lib/systemd/system/nginx.service')
        . $t->read_file("$root/conf/nginx.service.d/hardening.conf");
    my (undef, $said) = $t->command('/usr/bin/systemd-analyze', 'security',
        '--offline=true', '--no-pager',
        $t->write_file('unit/nginx.service', $unit));
    my ($level) = $said =~ /exposure level for nginx\.service: ([\d.]+)/;

    ok(defined $level && $level < 5, 'systemd-analyze security')
        or diag($said);
    unlike($said, qr/Unknown (?:key|lvalue)/, 'it knows all settings');
}

$t->finish;
