/* SPDX-License-Identifier: Apache-2.0
 *
 * One job on one device: a thread that runs its cases, and a thread that reports. The first never
 * waits for the second, so reports and uploads cost the run no time; the second retries until tests
 * has taken every report or says that the job is lost. */
#ifndef ASSAY_WORKER_WRK_JOB_H
#define ASSAY_WORKER_WRK_JOB_H

#include "worker/worker.h"

/* A step on its way to tests: malloc'ed, owned by the queue until it was taken. */
struct wrk_report {
    struct wrk_report *next;
    int64_t run_id;
    enum { REPORT_START, REPORT_STEP, REPORT_END } kind;
    int64_t started_us;
    int64_t finished_us;
    const char *verdict; /* of a case: static text */
    char *message;       /* of a case */
    char *step;          /* packed assay.StepReport without its screenshot */
    size_t step_n;
    char *jpeg;
    size_t jpeg_n;
};

struct wrk_job {
    struct worker *worker;
    struct wrk_device *device;
    struct arena *arena; /* holds the request */
    const Assay__StartJobRequest *req;
    pthread_t thread;
    pthread_t reporter;
    pthread_t beater;
    atomic_bool cancel;         /* somebody asked to stop */
    atomic_bool lost;           /* the fence is over */
    atomic_bool returned;       /* what has no verdict goes back: the worker is being stopped */
    atomic_llong held_until_us; /* monotonic: tests is known to leave the job to us until then */
    pthread_mutex_t lock;       /* guards the queue and the flags below */
    pthread_cond_t change;
    struct wrk_report *head, **tail;
    bool cases_done; /* nothing more will be queued */
    bool reported;   /* everything was taken, or the job is lost */
    bool aborted;    /* under the device's lock: a stop may still lie in wait for its next call */
    int refusals;    /* the reporter's: tests refused the same report that often in a row */
    const char *finish_message; /* the reporter's: why the job ends early; NULL: it does not */
};

/* Starts the job's threads on a device that holds its session. Takes the device; frees itself and
 * the device when done. Errors: FAILED_PRECONDITION "SESSION_BUSY" "WORKER_STOPS",
 * RESOURCE_EXHAUSTED. */
NODISCARD enum rc wrk_job_start(struct worker *w, struct ctx *ctx, struct wrk_device *d,
                                const Assay__StartJobRequest *req);
/* Ends a job of the device soon. Which one is said by whoever has a reason to stop it, because by
 * now the device may have another: the job itself, its id, or the session it runs on. All NULL:
 * any. */
struct wrk_which {
    const struct wrk_job *job;
    const char *job_id;
    const char *session_id;
};
enum wrk_how {
    WRK_CANCEL,  /* it reports that it was cancelled */
    WRK_RETURN,  /* it reports what has ended, and gives back the rest */
    WRK_ABANDON, /* it reports nothing more */
};
void wrk_job_stop(struct wrk_device *d, struct wrk_which which, enum wrk_how how);
/* Errors: FAILED_PRECONDITION "WORKER_STOPS", always. */
enum rc wrk_refuse_stopping(struct ctx *ctx);
/* Waits for the threads of all jobs; call after svc_is_stopping and after every job was stopped. */
void wrk_jobs_join(struct worker *w);

/* --- used by the job's thread */
void wrk_report_start(struct wrk_job *job, int64_t run_id, int64_t at_us);
/* `jpeg` may be empty. Copies. */
void wrk_report_step(struct wrk_job *job, int64_t run_id, const Assay__StepReport *step,
                     struct str jpeg);
void wrk_report_end(struct wrk_job *job, int64_t run_id, const char *verdict, struct str message,
                    int64_t started_us, int64_t finished_us);
/* Waits until tests knows every verdict reported so far, or the job is over. */
void wrk_report_wait_verdicts(struct wrk_job *job);
/* Waits while tests has not confirmed for most of a lease that the job is ours, until it does or
 * the job is over: the job may be somebody else's by now, and what it does to the app would be done
 * twice. */
void wrk_report_wait_lease(struct wrk_job *job);
static inline bool
wrk_job_is_over(struct wrk_job *job)
{
    return atomic_load(&job->cancel) || atomic_load(&job->lost) || atomic_load(&job->returned);
}

/* Runs one case on the job's device and queues its reports (wrk_case.c). */
void wrk_case_run(struct wrk_job *job, const Assay__JobCase *c);

/* The reporter's and heart-beat's threads (wrk_report.c). */
void *wrk_reporter_thread(void *job);
void *wrk_beater_thread(void *job);

#endif
