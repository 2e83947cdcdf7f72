/*
 * Rate-limited reports of errors that a vhost back-end can trigger
 *
 * A back-end can repeat an error at will, so each report is printed at most
 * VHOST_REPORT_BURST times a minute.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_VHOST_REPORT_H
#define HW_VIRTIO_VHOST_REPORT_H

#include "qapi/error.h"
#include "qemu/error-report.h"

#define VHOST_REPORT_BURST 5

/**
 * struct VhostReport - The rate limit of one report in the source
 * @since: start of the current minute, as by g_get_monotonic_time()
 * @count: how often the report was printed in this minute
 */
typedef struct VhostReport {
    int64_t since;
    unsigned int count;
} VhostReport;

/**
 * vhost_report_is_due() - Tell whether to print a report once more
 * @report: rate limit of the report; updated
 *
 * Context: any; threads that call it at the same moment may print the report
 * once too often.
 *
 * Return: false if the report was printed VHOST_REPORT_BURST times in this
 * minute.
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
 * vhost_error_report() - error_report() with a rate limit
 * @fmt: as for error_report()
 */
#define vhost_error_report(fmt, ...) do {                               \
    static VhostReport report_;                                         \
    if (vhost_report_is_due(&report_)) {                                \
        error_report(fmt, ##__VA_ARGS__);                               \
    }                                                                   \
} while (0)

/**
 * vhost_warn_report() - warn_report() with a rate limit
 * @fmt: as for warn_report()
 */
#define vhost_warn_report(fmt, ...) do {                                \
    static VhostReport report_;                                         \
    if (vhost_report_is_due(&report_)) {                                \
        warn_report(fmt, ##__VA_ARGS__);                                \
    }                                                                   \
} while (0)

/**
 * vhost_error_reportf_err() - error_reportf_err() with a rate limit
 * @err: the error, which is freed
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
 * vhost_error_report_err() - error_report_err() with a rate limit
 * @err: the error, which is freed
 */
#define vhost_error_report_err(err) vhost_error_reportf_err(err, "%s", "")

#endif /* HW_VIRTIO_VHOST_REPORT_H */
