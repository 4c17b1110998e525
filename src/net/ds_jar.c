
/*
 * ds_jar.c: a transfer that is never run has the cookies, so that no second
 * set of rules for them is needed.
 */

#include <pthread.h>
#include <stdlib.h>

#include <curl/curl.h>

#include "base/ds_core.h"
#include "net/ds_jar.h"


#define DS_JAR_COOKIES  200


struct ds_jar_s {
    pthread_mutex_t    lock;
    CURL              *easy;            /* lock */
};


static int ds_jar_copy(CURL *to, CURL *from, unsigned *n);


ds_jar_t *
ds_jar_create(void)
{
    ds_jar_t  *jar;

    jar = calloc(1, sizeof(ds_jar_t));
    if (jar == NULL) {
        return NULL;
    }

    (void) pthread_mutex_init(&jar->lock, NULL);

    jar->easy = curl_easy_init();

    if (jar->easy == NULL
        || curl_easy_setopt(jar->easy, CURLOPT_COOKIEFILE, "") != CURLE_OK)
    {
        ds_jar_free(&jar);
    }

    return jar;
}


void
ds_jar_free(ds_jar_t **pj)
{
    ds_jar_t  *jar;

    jar = *pj;
    if (jar == NULL) {
        return;
    }

    *pj = NULL;

    curl_easy_cleanup(jar->easy);
    (void) pthread_mutex_destroy(&jar->lock);

    free(jar);
}


int
ds_jar_load(ds_jar_t *jar, void *easy)
{
    int       rc;
    unsigned  n;

    (void) pthread_mutex_lock(&jar->lock);
    rc = ds_jar_copy(easy, jar->easy, &n);
    (void) pthread_mutex_unlock(&jar->lock);

    return rc;
}


void
ds_jar_save(ds_jar_t *jar, void *easy)
{
    unsigned  n;

    (void) pthread_mutex_lock(&jar->lock);

    /* a server that sets other ones at each answer must not fill the memory */

    if (ds_jar_copy(jar->easy, easy, &n) == DS_OK && n > DS_JAR_COOKIES) {
        (void) curl_easy_setopt(jar->easy, CURLOPT_COOKIELIST, "ALL");
    }

    (void) pthread_mutex_unlock(&jar->lock);
}


static int
ds_jar_copy(CURL *to, CURL *from, unsigned *n)
{
    CURLcode            rc;
    struct curl_slist  *list, *c;

    *n = 0;
    list = NULL;

    rc = curl_easy_getinfo(from, CURLINFO_COOKIELIST, &list);

    for (c = list; c != NULL && rc == CURLE_OK; c = c->next) {
        rc = curl_easy_setopt(to, CURLOPT_COOKIELIST, c->data);
        ++*n;
    }

    curl_slist_free_all(list);

    return rc == CURLE_OK ? DS_OK : DS_ENOMEM;
}
