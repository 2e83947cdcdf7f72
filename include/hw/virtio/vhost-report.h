/*
 * Reports of what a vhost back-end does wrong
 *
 * A back-end can repeat it at will: each of these reports is printed
 * VHOST_REPORT_BURST times a minute at most.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_VHOST_REPORT_H
#define HW_VIRTIO_VHOST_REPORT_H

#include "qapi/error.h"
#include "qemu/error-report.h"

#define VHOST_REPORT_BURST 5

/**
 * struct VhostReport - What is known of one place in the source
 * @since: when its minute has begun, as by g_get_monotonic_time()
 * @count: reports in that minute
 */
typedef struct VhostReport {
    int64_t since;
    unsigned int count;
} VhostReport;

/**
 * vhost_report_is_due() - Tell whether to print a report once more
 * @report: what is known of it, which changes
 *
 * Context: any; threads that ask at the same moment may print one more.
 *
 * Return: false if it has been printed often enough in this minute.
 */
static inline bool vhost_report_is_due(VhostReport *report)
{
    int64_t now = g_get_monotonic_time();

    if (!report->since || now - report->since > 60 * G_USEC_PER_SEC) {
        report->since = now;
        report->count = 0;
    }
    return report->count < VHOST_REPORT_BURST && ++report->count;
}

/**
 * vhost_error_report() - As error_report(), but not for ever
 * @fmt: as for error_report()
 */
#define vhost_error_report(fmt, ...) do {                               \
    static VhostReport report_;                                         \
    if (vhost_report_is_due(&report_)) {                                \
        error_report(fmt, ##__VA_ARGS__);                               \
    }                                                                   \
} while (0)

/**
 * vhost_warn_report() - As warn_report(), but not for ever
 * @fmt: as for warn_report()
 */
#define vhost_warn_report(fmt, ...) do {                                \
    static VhostReport report_;                                         \
    if (vhost_report_is_due(&report_)) {                                \
        warn_report(fmt, ##__VA_ARGS__);                                \
    }                                                                   \
} while (0)

/**
 * vhost_error_reportf_err() - As error_reportf_err(), but not for ever
 * @err: taken over
 * @fmt: as for error_reportf_err()
 */
#define vhost_error_reportf_err(err, fmt, ...) do {                     \
    static VhostReport report_;                                         \
    if (vhost_report_is_due(&report_)) {                                \
        error_reportf_err(err, fmt, ##__VA_ARGS__);                     \
    } else {                                                            \
        error_free(err);                                                \
    }                                                                   \
} while (0)

/**
 * vhost_error_report_err() - As error_report_err(), but not for ever
 * @err: taken over
 */
#define vhost_error_report_err(err) vhost_error_reportf_err(err, "%s", "")

#endif /* HW_VIRTIO_VHOST_REPORT_H */
