package DirectStream::Browser;

# A Chromium for one test, driven through chromedriver by the W3C WebDriver
# protocol.  What it asks for is polled with a deadline: pages take their
# time on a slow machine.  Core Perl only.

use strict;
use warnings;

use Carp qw(croak);
use HTTP::Tiny;
use JSON::PP;
use MIME::Base64 qw(decode_base64);
use Test::More ();

my $CHROMIUM = $ENV{DS_CHROMIUM} || '/usr/bin/chromium';
my $DRIVER = $ENV{DS_CHROMEDRIVER} || '/usr/bin/chromedriver';

# the key under which WebDriver names an element
my $ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';


sub missing {
    my ($class) = @_;

    return join ', ', grep { !-x $_ } $CHROMIUM, $DRIVER;
}


# "test" is the DirectStream::Test that ends our processes
sub new {
    my ($class, $test, %args) = @_;

    my $port = $test->port;
    my $name = $args{name} || 'browser';
    my $home = "$test->{dir}/$name";

    mkdir $home;

    my $self = bless {
        test => $test, name => $name,
        url => "http://127.0.0.1:$port",
        http => HTTP::Tiny->new(timeout => 120, keep_alive => 0),
        json => JSON::PP->new->canonical->utf8->allow_nonref,
    }, $class;

    $self->{pid} = $test->run("$name-driver", '/usr/bin/env', "HOME=$home",
                              "TMPDIR=$home", $DRIVER, "--port=$port");

    $test->wait_for(sub {
        my $r = $self->{http}->get("$self->{url}/status");
        return $r->{success} && $self->{json}->decode($r->{content})
                                ->{value}{ready};
    }, 60, 'chromedriver') or croak 'chromedriver does not start';

    my @args = ('--headless=new', '--no-sandbox', '--disable-gpu',
                '--disable-dev-shm-usage', '--no-first-run',
                '--disable-background-networking',
                '--disable-component-update', '--no-proxy-server',
                '--hide-scrollbars', "--user-data-dir=$home/profile");

    my %prefs;
    $prefs{'profile.managed_default_content_settings.javascript'} = 2
        if $args{no_script};

    my $value = $self->call('POST', '', { capabilities => { alwaysMatch => {
        browserName => 'chrome',
        'goog:chromeOptions' => { binary => $CHROMIUM, args => \@args,
                                  prefs => \%prefs },
        'goog:loggingPrefs' => { browser => 'ALL' },
    } } });

    $self->{session} = "/$value->{sessionId}";

    return $self;
}


sub call {
    my ($self, $method, $path, $body) = @_;

    my $url = "$self->{url}/session" . ($self->{session} || '') . $path;
    my %options;

    if ($method eq 'POST') {
        $options{headers} = { 'Content-Type' => 'application/json' };
        $options{content} = $self->{json}->encode($body || {});
    }

    my $r = $self->{http}->request($method, $url, \%options);
    my $data = eval { $self->{json}->decode($r->{content}) } || {};

    if (!$r->{success}) {
        my $e = ref $data->{value} eq 'HASH' ? $data->{value}{message} : '';
        croak "$method $path: $r->{status} " . ($e || $r->{content});
    }

    return $data->{value};
}


sub quit {
    my ($self) = @_;

    return unless $self->{session};

    $self->call('DELETE', '');
    delete $self->{session};
    $self->{test}->stop_pid($self->{pid});

    return;
}


sub open {
    my ($self, $url) = @_;

    $self->call('POST', '/url', { url => $url });
    return;
}


sub reload {
    my ($self) = @_;

    $self->call('POST', '/refresh');
    return;
}


# runs a function's body in the page; true and false become 1 and 0
sub script {
    my ($self, $script, @args) = @_;

    my $value = $self->call('POST', '/execute/sync',
                            { script => $script, args => \@args });

    return JSON::PP::is_bool($value) ? ($value ? 1 : 0) : $value;
}


# Chrome's own protocol
sub chrome {
    my ($self, $cmd, $params) = @_;

    return $self->call('POST', '/goog/cdp/execute',
                       { cmd => $cmd, params => $params || {} });
}


# the viewport, and the colours the user likes
sub screen {
    my ($self, $width, $height, $scheme) = @_;

    $self->chrome('Emulation.setDeviceMetricsOverride', {
        width => $width, height => $height, deviceScaleFactor => 1,
        mobile => $width < 500 ? JSON::PP::true : JSON::PP::false,
    });

    $self->chrome('Emulation.setEmulatedMedia', { features => [
        { name => 'prefers-color-scheme', value => $scheme || 'light' },
    ] });

    return;
}


# waits until the script's value is true; returns it
sub wait_script {
    my ($self, $script, $seconds, $what, @args) = @_;

    return $self->{test}->wait_for(sub {
        return eval { $self->script($script, @args) };
    }, $seconds || 20, $what);
}


# the visible text of what a selector finds first
sub text {
    my ($self, $selector) = @_;

    return $self->script('const e = document.querySelector(arguments[0]);'
                         . 'return e === null ? "" : e.innerText;',
                         $selector);
}


sub wait_text {
    my ($self, $selector, $re, $seconds) = @_;

    my $text = '';

    my $ok = $self->{test}->wait_for(sub {
        $text = eval { $self->text($selector) };
        return defined $text && $text =~ $re;
    }, $seconds || 20);

    Test::More::diag("\"$selector\" is \"" . substr($text || '', 0, 400)
                     . "\", not $re") unless $ok;

    return $ok;
}


# an element that can be seen, by a selector and maybe the text it begins with
sub find {
    my ($self, $selector, $text, $seconds) = @_;

    my $e = $self->wait_script(
        'return [...document.querySelectorAll(arguments[0])].find((e) =>'
        . ' e.checkVisibility() && (arguments[1] === null'
        . ' || e.textContent.startsWith(arguments[1])))', $seconds || 20,
        "\"$selector\" " . (defined $text ? "\"$text\"" : ''),
        $selector, $text);

    croak "no \"$selector\"" unless $e;

    return $e->{$ELEMENT};
}


sub click {
    my ($self, $selector, $text) = @_;

    # it may be replaced, or move, meanwhile
    my $ok = $self->{test}->wait_for(sub {
        return eval {
            $self->call('POST', '/element/' . $self->find($selector, $text)
                                . '/click');
            1;
        };
    }, 20);

    croak "cannot click \"$selector\": $@" unless $ok;

    return;
}


# replaces what is in a field
sub type {
    my ($self, $selector, $text) = @_;

    my $e = $self->find($selector);

    $self->call('POST', "/element/$e/clear");
    $self->call('POST', "/element/$e/value", { text => $text })
        if length $text;

    return;
}


# keys to whatever has the focus, by their names
sub keys {
    my ($self, @names) = @_;

    my %code = (Tab => "\x{e004}", Enter => "\x{e007}", Escape => "\x{e00c}");
    my @actions = map { my $c = $code{$_} || $_;
                        ({ type => 'keyDown', value => $c },
                         { type => 'keyUp', value => $c }) } @names;

    $self->call('POST', '/actions', { actions => [
        { type => 'key', id => 'keyboard', actions => \@actions } ] });

    return;
}


# messages of the browser's console since the last call
sub console {
    my ($self) = @_;

    my $log = $self->call('POST', '/se/log', { type => 'browser' });

    return map { "$_->{level} $_->{message}" } @$log;
}


# the whole page, as a file
sub picture {
    my ($self, $file) = @_;

    my $shot = $self->chrome('Page.captureScreenshot', {
        captureBeyondViewport => JSON::PP::true, format => 'png' });

    CORE::open my $fh, '>:raw', $file or die "$file: $!\n";
    print $fh decode_base64($shot->{data});
    close $fh or die "$file: $!\n";

    return $file;
}


1;
