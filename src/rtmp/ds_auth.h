
/*
 * ds_auth.h: how a server that asks for Adobe's authentication is answered.
 * Pure functions, any thread; what is answered to may come from anybody.
 */

#ifndef DS_AUTH_H_INCLUDED_
#define DS_AUTH_H_INCLUDED_


#include "base/ds_core.h"


#define DS_AUTH_LEN  1024

/*
 * "said" is the description of a refused connect; "user" is "user:password",
 * with %XX for what a URL cannot have, NULL: none; without a colon there is no
 * password.  True: "params", of DS_AUTH_LEN, is to be put behind the
 * application at the next try.  False: there is nothing to be answered, or
 * "err" says why it is in vain, with "code"; it is cleared before.
 */
bool ds_auth_answer(const char *said, const char *user, char *params,
    int code, ds_error_t *err);


#endif /* DS_AUTH_H_INCLUDED_ */
