
/*
 * ds_compat.h: what FFmpeg 5.1 (Debian 12) and 7.1 (Debian 13) say in two
 * ways, under one name.  There are no other #if of versions.
 */

#ifndef DS_COMPAT_H_INCLUDED_
#define DS_COMPAT_H_INCLUDED_


#include <libavformat/avformat.h>


#if (LIBAVUTIL_VERSION_MAJOR >= 59)

#define ds_frame_duration(frame)       (frame)->duration
#define ds_frame_is_interlaced(frame)                                         \
    (((frame)->flags & AV_FRAME_FLAG_INTERLACED) != 0)

#else

#define ds_frame_duration(frame)       (frame)->pkt_duration
#define ds_frame_is_interlaced(frame)  ((frame)->interlaced_frame != 0)

#endif


#if (LIBAVFORMAT_VERSION_MAJOR >= 61)

/* of an AVIOContext's write_packet() */
typedef const uint8_t  ds_avio_data_t;

/* the 3 by 3 matrix of a stream's display, borrowed; NULL: there is none */
static inline const int32_t *
ds_stream_matrix(const AVStream *st)
{
    const AVPacketSideData  *sd;

    sd = av_packet_side_data_get(st->codecpar->coded_side_data,
                                 st->codecpar->nb_coded_side_data,
                                 AV_PKT_DATA_DISPLAYMATRIX);

    return sd == NULL || sd->size < 9 * sizeof(int32_t)
           ? NULL : (const int32_t *) sd->data;
}

#else

typedef uint8_t  ds_avio_data_t;

static inline const int32_t *
ds_stream_matrix(const AVStream *st)
{
    size_t          size;
    const uint8_t  *data;

    data = av_stream_get_side_data(st, AV_PKT_DATA_DISPLAYMATRIX, &size);

    return data == NULL || size < 9 * sizeof(int32_t)
           ? NULL : (const int32_t *) data;
}

#endif


#endif /* DS_COMPAT_H_INCLUDED_ */
