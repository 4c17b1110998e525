#!/usr/bin/perl

# The files of conf/: nginx takes each configuration, those that guard a
# location do; the dashboard and the alerts use metrics that there are, and
# each alert fires for its cause.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
my $conf = "$DirectStream::Test::ROOT/conf";
my $root = $> == 0;
my $password = 'correct horse';

mkdir "$t->{dir}/etc";

my ($rc, $hash) = $t->command('openssl', 'passwd', '-6', $password);
is($rc, 0, 'openssl passwd');
$t->write_file('etc/directstream.htpasswd', "admin:$hash");

($rc, my $out) = $t->command('openssl', 'req', '-x509', '-newkey', 'rsa:2048',
    '-nodes', '-days', 2, '-subj', '/CN=directstream.example.com',
    '-addext', 'subjectAltName=DNS:directstream.example.com',
    '-keyout', "$t->{dir}/etc/directstream.key",
    '-out', "$t->{dir}/etc/directstream.crt");
is($rc, 0, 'openssl req') or diag($out);


# an example as it is, but for what belongs to the machine; ports by number
sub example {
    my ($file) = @_;

    my %port;
    my $text = $t->read_file($file);
    my $dir = "$t->{dir}/near";
    my ($rtmp, $module) = ($DirectStream::Test::RTMP,
                           $DirectStream::Test::MODULE);
    my $stub = $t->stub_command;
    my $paths = $t->http_paths('near');
    my $block = "directstream {\nstate_path $dir/state;\n"
                . "resolve_command $stub;\n";

    $text =~ s{modules/ngx_rtmp_module\.so}{$rtmp};
    $text =~ s{modules/ngx_directstream_module\.so}{$module};
    $text =~ s{^user .*\n}{}m unless $root;
    $text =~ s{/run/nginx\.pid}{$dir/nginx.pid};
    $text =~ s{/var/log/nginx/}{$dir/}g;
    $text =~ s{/etc/nginx/}{$t->{dir}/etc/}g;
    $text =~ s{/etc/ssl/certs/ca-certificates\.crt}
              {$t->{dir}/etc/directstream.crt}g;
    $text =~ s{^(\s*listen\s+)((?:[\d.]+:)?)(\d+)}
              { $1 . ($2 || '127.0.0.1:') . ($port{$3} ||= $t->port) }mge;
    $text =~ s{(127\.0\.0\.1:)(\d+)(?=/)}
              { $1 . ($port{$2} || $2) }ge;
    $text =~ s{^http \{\n}{http \{\n$paths}m;

    # nothing is resolved outside, nothing kept
    $text =~ s{^\s*resolve_command .*\n}{}m;
    $text =~ s{^directstream \{\n}{$block}m
        or die "$file: no \"directstream\" block\n";

    return ($text, %port);
}


my @files = glob "$conf/*.conf";
cmp_ok(scalar @files, '>=', 6, 'examples');

for my $file (@files) {
    my ($name) = $file =~ m{([^/]+)$};
    my ($text) = example($file);

    my ($bad, $said) = $t->nginx_t($t->write_file("near/$name", $text));
    is($bad, 0, "nginx -t: $name") or diag($said);
    like($t->read_file($file), qr/\A\n# [^\n]+/, "$name says what it is");
}


# runs one; ports by number
sub run_example {
    my ($name) = @_;

    my ($text, %port) = example("$conf/$name");

    $t->{nginx}{near} = {
        name => 'near', module => 1, ports => [ values %port ],
        conf => $t->write_file('near/nginx.conf', $text),
    };
    $t->start_nginx('near');

    return %port;
}


sub curl {
    my ($url, @args) = @_;

    my ($failed, $body) = $t->command('curl', '-s', '-w', "\n%{http_code}",
                                      @args, $url);
    my ($code) = $body =~ /(\d+)\z/;

    return ($code, $body);
}


my $api = '/directstream/api/1/streams';

my %port = run_example('basic-auth.conf');
my $url = "http://127.0.0.1:$port{8080}$api";

is((curl($url))[0], 401, 'basic-auth: no password');
is((curl($url, '-u', 'admin:wrong'))[0], 401, 'a wrong one');
is((curl($url, '-u', "admin:$password"))[0], 200, 'the right one');

my @post = ('-H', 'Content-Type: application/json', '-d',
            '{"name": "x", "playlist": "PLxxxxxxxxxxxxxxxx",'
            . ' "start": false}');

my ($made, $body) = curl($url, '-u', "admin:$password", @post);
is($made, 201, 'and it may write') or diag($body);
is((curl($url, @post))[0], 401, 'nobody else may');
$t->stop_nginx('near', 'QUIT');

%port = run_example('tls.conf');
my $host = "directstream.example.com:$port{443}";
my @tls = ('--cacert', "$t->{dir}/etc/directstream.crt", '--resolve',
           "$host:127.0.0.1");

is((curl("https://$host$api", @tls))[0], 401, 'tls: no password');
is((curl("https://$host$api", @tls, '-u', "admin:$password"))[0], 200,
   'the right one');
is((curl("http://127.0.0.1:$port{8080}$api"))[0], 404,
   'no API without TLS');
$t->stop_nginx('near', 'QUIT');

%port = run_example('metrics.conf');
my ($code, $metrics) = curl("http://127.0.0.1:$port{9913}"
                            . '/directstream/metrics');
is($code, 200, 'metrics');
is((curl("http://127.0.0.1:$port{9913}$api"))[0], 404, 'and nothing else');

# what is used is there

my %there = map { $_ => 1 } $metrics =~ /^# TYPE (directstream_\w+) /mg;
cmp_ok(scalar keys %there, '>', 20, 'metrics there are');

for my $name ('grafana-dashboard.json', 'alerts.yml') {
    my %used = map { $_ => 1 }
               $t->read_file("$conf/$name") =~ /\b(directstream_\w+)/g;

    delete $used{directstream_metrics};
    cmp_ok(scalar keys %used, '>=', 10, "$name uses metrics");
    is(join(' ', grep { !$there{$_} } sort keys %used), '',
       "$name uses none that there is not");
}

my $board = eval { JSON::PP::decode_json(
                       $t->read_file("$conf/grafana-dashboard.json")) };

ok($board, 'the dashboard is JSON') or diag($@);
is(scalar(grep { !@{ $_->{targets} || [] } } @{ $board->{panels} }), 0,
   'each panel shows something');

my %ids = map { $_->{id} => 1 } @{ $board->{panels} };
is(scalar keys %ids, scalar @{ $board->{panels} }, 'and has an id');

SKIP: {
    my ($none) = $t->command('which', 'promtool');
    skip 'no promtool', 3 if $none;

    ($rc, $out) = $t->command('promtool', 'check', 'rules',
                              "$conf/alerts.yml");
    is($rc, 0, 'promtool check rules') or diag($out);

    my $test = "$DirectStream::Test::ROOT/t/data/alerts_test.yml";

    ($rc, $out) = $t->command('promtool', 'test', 'rules', $test);
    is($rc, 0, 'promtool test rules') or diag($out);

    # each expression of the dashboard, as a rule
    my @rules = map { "  - record: x\n    expr: '$_'\n" }
                map { s/\$__rate_interval/1m/gr =~ s/\$\w+/x/gr }
                map { $_->{expr} } map { @{ $_->{targets} } }
                @{ $board->{panels} };
    my $file = $t->write_file('board.yml', "groups:\n- name: x\n  rules:\n"
                              . join '', @rules);

    ($rc, $out) = $t->command('promtool', 'check', 'rules',
                              '--lint=none', $file);
    is($rc, 0, 'the dashboard\'s expressions are understood')
        or diag($out);
}

# every alert has a case in which it fires

my @alerts = $t->read_file("$conf/alerts.yml") =~ /- alert: (\w+)/g;
my %fires = map { $_ => 1 }
    $t->read_file("$DirectStream::Test::ROOT/t/data/alerts_test.yml")
    =~ /alertname: (\w+)\n\s+exp_alerts:\n/g;
is(join(' ', grep { !$fires{$_} } @alerts), '', 'each alert was seen to fire');

$t->finish;
