
/*
 * ds_jar.h: the cookies of one item: what a request is given, the next one
 * sends, where it belongs (RFC 6265, by libcurl).  Any thread, does not
 * block.
 */

#ifndef DS_JAR_H_INCLUDED_
#define DS_JAR_H_INCLUDED_


typedef struct ds_jar_s  ds_jar_t;


/* NULL: no memory */
ds_jar_t *ds_jar_create(void);
void ds_jar_free(ds_jar_t **jar);

/* of a CURL that does not run: gets what there is; 0 or DS_ENOMEM */
int ds_jar_load(ds_jar_t *jar, void *easy);

/* the same: gives what it has; what finds no memory or room is lost */
void ds_jar_save(ds_jar_t *jar, void *easy);


#endif /* DS_JAR_H_INCLUDED_ */
