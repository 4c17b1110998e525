
/*
 * ds_tls.c: OpenSSL, and nothing else of the engine's sees it.  Knows nothing
 * of deadlines and of what is sent.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "net/ds_tls.h"


struct ds_tls_s {
    SSL_CTX         *ctx;
    SSL             *ssl;
};


static int ds_tls_context(ds_tls_t *tls, const char *certificate,
    ds_error_t *err);
static int ds_tls_session(ds_tls_t *tls, int fd, const char *host,
    ds_error_t *err);
static const char *ds_tls_reason(void);
static ssize_t ds_tls_result(ds_tls_t *tls, int rc, short *events,
    const char **why);


ds_tls_t *
ds_tls_create(int fd, const char *host, const char *certificate,
    ds_error_t *err)
{
    ds_tls_t  *tls;

    tls = calloc(1, sizeof(ds_tls_t));
    if (tls == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    ERR_clear_error();

    if (ds_tls_context(tls, certificate, err) != DS_OK
        || ds_tls_session(tls, fd, host, err) != DS_OK)
    {
        ds_tls_free(&tls, false);
    }

    return tls;
}


static int
ds_tls_context(ds_tls_t *tls, const char *certificate, ds_error_t *err)
{
    int  rc;

    tls->ctx = SSL_CTX_new(TLS_client_method());

    if (tls->ctx == NULL
        || SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION) != 1)
    {
        return ds_fail(err, DS_EPUSH_TLS, "SSL_CTX_new() failed: %s",
                       ds_tls_reason());
    }

    /* what could not be sent is sent again from where it is, or was moved */
    (void) SSL_CTX_set_mode(tls->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE
                                      | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                                      | SSL_MODE_RELEASE_BUFFERS);

    /* what is to be sent would wait for what nobody reads meanwhile */
    (void) SSL_CTX_set_options(tls->ctx, SSL_OP_NO_RENEGOTIATION);

    SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, NULL);

    rc = certificate == NULL
         ? SSL_CTX_set_default_verify_paths(tls->ctx)
         : SSL_CTX_load_verify_file(tls->ctx, certificate);

    return rc == 1 ? DS_OK
           : ds_fail(err, DS_EPUSH_TLS, "loading of trusted certificates "
                     "failed: %s, file: \"%s\"", ds_tls_reason(),
                     certificate == NULL ? "system's" : certificate);
}


static int
ds_tls_session(ds_tls_t *tls, int fd, const char *host, ds_error_t *err)
{
    int                 rc;
    X509_VERIFY_PARAM  *param;

    tls->ssl = SSL_new(tls->ctx);

    if (tls->ssl == NULL || SSL_set_fd(tls->ssl, fd) != 1) {
        return ds_fail(err, DS_EPUSH_TLS, "SSL_new() failed: %s",
                       ds_tls_reason());
    }

    param = SSL_get0_param(tls->ssl);

    /* a name is told to the server, an address is not */

    rc = X509_VERIFY_PARAM_set1_ip_asc(param, host);

    if (rc != 1) {
        ERR_clear_error();
        X509_VERIFY_PARAM_set_hostflags(param,
                                        X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        rc = X509_VERIFY_PARAM_set1_host(param, host, 0);

        if (rc == 1) {
            rc = SSL_set_tlsext_host_name(tls->ssl, host);
        }
    }

    if (rc != 1) {
        return ds_fail(err, DS_EPUSH_TLS, "SSL_set_tlsext_host_name() failed: "
                       "%s, host: \"%s\"", ds_tls_reason(), host);
    }

    SSL_set_connect_state(tls->ssl);

    return DS_OK;
}


int
ds_tls_handshake(ds_tls_t *tls, ds_error_t *err)
{
    int          rc;
    long         verified;
    short        events;
    const char  *why;

    ERR_clear_error();

    rc = SSL_do_handshake(tls->ssl);

    if (rc == 1) {
        return DS_OK;
    }

    if (ds_tls_result(tls, rc, &events, &why) == 0) {
        return events;
    }

    verified = SSL_get_verify_result(tls->ssl);

    return ds_fail(err, DS_EPUSH_TLS, "TLS handshake failed: %s",
                   verified != X509_V_OK
                   ? X509_verify_cert_error_string(verified) : why);
}


ssize_t
ds_tls_send(ds_tls_t *tls, const void *data, size_t n, short *events,
    const char **why)
{
    int     rc;
    size_t  sent;

    ERR_clear_error();

    rc = SSL_write_ex(tls->ssl, data, n, &sent);

    return rc == 1 ? (ssize_t) sent : ds_tls_result(tls, rc, events, why);
}


ssize_t
ds_tls_recv(ds_tls_t *tls, void *buf, size_t n, short *events,
    const char **why)
{
    int     rc;
    size_t  got;

    ERR_clear_error();

    rc = SSL_read_ex(tls->ssl, buf, n, &got);

    return rc == 1 ? (ssize_t) got : ds_tls_result(tls, rc, events, why);
}


bool
ds_tls_pending(ds_tls_t *tls)
{
    return SSL_pending(tls->ssl) != 0;
}


/* of a call that has not done what it should: 0 or -1 */

static ssize_t
ds_tls_result(ds_tls_t *tls, int rc, short *events, const char **why)
{
    int  error;

    error = errno;

    switch (SSL_get_error(tls->ssl, rc)) {

    case SSL_ERROR_WANT_READ:
        *events = POLLIN;
        return 0;

    case SSL_ERROR_WANT_WRITE:
        *events = POLLOUT;
        return 0;

    case SSL_ERROR_ZERO_RETURN:
        *why = "connection closed by server";
        return -1;

    case SSL_ERROR_SYSCALL:
        *why = error == 0 ? "connection closed by server" : strerror(error);
        return -1;

    default:
        *why = ERR_GET_REASON(ERR_peek_error())
               == SSL_R_UNEXPECTED_EOF_WHILE_READING
               ? "connection closed by server" : ds_tls_reason();
        return -1;
    }
}


static const char *
ds_tls_reason(void)
{
    const char     *reason;
    unsigned long   error;

    error = ERR_get_error();

    /* a file that cannot be opened */

    if (ERR_SYSTEM_ERROR(error)) {
        return strerror(ERR_GET_REASON(error));
    }

    reason = ERR_reason_error_string(error);

    return reason == NULL ? "unknown error" : reason;
}


void
ds_tls_free(ds_tls_t **ptls, bool goodbye)
{
    ds_tls_t  *tls;

    tls = *ptls;
    if (tls == NULL) {
        return;
    }

    *ptls = NULL;

    if (goodbye) {
        ERR_clear_error();
        (void) SSL_shutdown(tls->ssl);
    }

    SSL_free(tls->ssl);
    SSL_CTX_free(tls->ctx);
    ERR_clear_error();
    free(tls);
}
