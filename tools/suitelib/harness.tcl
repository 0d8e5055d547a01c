# Read by the suite's harness once all of its own is defined. It makes results countable one test at a time:
#
#   - every result is written to the file NEEDLETAIL_RECORD: status, test and message, with tabs between them;
#   - a statement outside of tests that fails is recorded, and the unit goes on with the next statement;
#   - after a test that failed, the next one has a connection that works and speaks the protocol that it spoke before,
#     and a server that has ended is started again.

set ::suite_names {}
# What the connection speaks since the last HELLO.
set ::suite_protocol 2

proc suite_record {status name message} {
    set escapes [list \\ \\\\ \t \\t \n \\n \r \\r]
    set file [open $::env(NEEDLETAIL_RECORD) a]
    fconfigure $file -encoding utf-8 -translation lf
    puts $file "$status\t[string map $escapes $name]\t[string map $escapes $message]"
    close $file
}

rename send_data_packet suite_send_data_packet
proc send_data_packet {fd status data {elapsed 0}} {
    switch $status {
        ok - skip {suite_record $status $data ""}
        err {suite_record err [lindex $::suite_names end] $data}
        ignore {if {[llength $::suite_names]} {suite_record ignore [lindex $::suite_names end] $data}}
    }
    suite_send_data_packet $fd $status $data $elapsed
}

# What a failed test may leave behind: replies that nobody read, an open transaction, another protocol, paused clients, a
# server that has ended. A connection that is in order is kept.
proc suite_recover {protocol} {
    if {[llength $::servers] == 0} return
    if {!$::external && ![is_alive [lindex $::servers end]]} {
        suite_record died [lindex $::suite_names end] [exec tail -n 40 [srv 0 stdout]]
        catch {restart_server 0 true false}
        set ::suite_protocol 2
    } elseif {[catch {r ping in-order} reply] || $reply ne "in-order"} {
        catch {reconnect}
        set ::suite_protocol 2
    }
    catch {r client unpause}
    if {$::suite_protocol ne $protocol} {catch {r hello $protocol}}
}

rename r suite_r
proc r {args} {
    # Every server of the external mode begins with it, and there are no functions.
    if {$::external && $args eq "function flush"} {return OK}
    if {[string equal -nocase [lindex $args 0] "hello"] && [llength $args] > 1} {set ::suite_protocol [lindex $args 1]}
    suite_r {*}$args
}

rename test suite_test
proc test {name code {okpattern undefined} {tags {}}} {
    lappend ::suite_names $name
    set failed $::num_failed
    set protocol $::suite_protocol
    set status [catch {uplevel 1 [list suite_test $name $code $okpattern $tags]} result options]
    if {$::num_failed > $failed} {suite_recover $protocol}
    set ::suite_names [lrange $::suite_names 0 end-1]
    return -options $options $result
}

# Runs a script statement by statement, in the caller's place.
proc suite_each {script} {
    set statement ""
    foreach line [split $script "\n"] {
        append statement $line
        if {[regexp {(^|[^\\])(\\\\)*\\$} $line] || ![info complete $statement]} {
            append statement "\n"
            continue
        }
        if {[catch {uplevel 1 $statement} result options] == 1} {
            suite_record outside "" "$result\n[dict get $options -errorinfo]"
            suite_recover $::suite_protocol
        }
        set statement ""
    }
    if {[string trim $statement] ne ""} {suite_record outside "" "statement without an end"}
}

# Inside a test an error has to end the test.
proc suite_body {code} {
    if {[llength $::suite_names] || $code eq "undefined"} {return $code}
    return [list suite_each $code]
}

rename start_server suite_start_server
proc start_server {options {code undefined}} {
    set ::suite_protocol 2
    uplevel 1 [list suite_start_server $options [suite_body $code]]
}

rename tags suite_tags
proc tags {tags code} {
    uplevel 1 [list suite_tags $tags [suite_body $code]]
}

proc execute_test_file {name} {
    set ::curfile "tests/$name.tcl"
    set file [open $::curfile]
    set script [read $file]
    close $file
    suite_each $script
    send_data_packet $::test_server_fd done $name
}

# Nobody will be blocked by commands that do not exist: there is no need to wait.
proc suite_expect_blocking {} {
    if {[lindex [r command info blpop] 0] eq ""} {fail "unknown command 'blpop'"}
}

rename wait_for_blocked_client suite_wait_for_blocked_client
proc wait_for_blocked_client {args} {
    suite_expect_blocking
    suite_wait_for_blocked_client {*}$args
}

rename wait_for_blocked_clients_count suite_wait_for_blocked_clients_count
proc wait_for_blocked_clients_count {count args} {
    if {$count > 0} suite_expect_blocking
    suite_wait_for_blocked_clients_count $count {*}$args
}

# Redis 7.2 and later keep short lists, and small sets of strings, as listpacks; 7.0 had only one form for them.
rename assert_encoding suite_assert_encoding
proc assert_encoding {enc key} {
    if {[r object encoding $key] eq "listpack"} {
        if {$enc eq "quicklist" || ($enc eq "hashtable" && [r type $key] eq "set")} return
    }
    suite_assert_encoding $enc $key
}
