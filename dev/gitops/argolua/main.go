// Command argolua runs Lua as Argo CD runs health checks and actions: in the same interpreter, with only the libraries
// that it opens, and with as little time.
//
// It reads objects {"script": ..., "object": ...} from standard input and answers each with a line: {"result": ...} or
// {"error": ...}. See util/lua/lua.go of https://github.com/argoproj/argo-cd.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	lua "github.com/yuin/gopher-lua"
	luajson "layeh.com/gopher-json"
)

const limit = time.Second

var safeOS = []string{"time", "date"}

type request struct {
	Script string `json:"script"`
	Object any    `json:"object"`
}

type answer struct {
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "argolua:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	decoder := json.NewDecoder(in)
	buffered := bufio.NewWriter(out)
	encoder := json.NewEncoder(buffered)
	for {
		var asked request
		if err := decoder.Decode(&asked); errors.Is(err, io.EOF) {
			return buffered.Flush()
		} else if err != nil {
			return err
		}
		var said answer
		if result, err := execute(asked); err != nil {
			said.Error = err.Error()
		} else {
			said.Result = result
		}
		if err := encoder.Encode(said); err != nil {
			return err
		}
	}
}

func execute(asked request) (json.RawMessage, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	open(state, lua.LoadLibName, lua.OpenPackage)
	open(state, lua.BaseLibName, lua.OpenBase)
	open(state, lua.TabLibName, lua.OpenTable)
	open(state, lua.OsLibName, openSafeOS)
	state.PreloadModule(lua.OsLibName, openSafeOS)

	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	state.SetContext(ctx)
	state.SetGlobal("obj", luajson.DecodeValue(state, asked.Object))
	if err := state.DoString(asked.Script); err != nil {
		return nil, err
	}
	result := state.Get(-1)
	if result.Type() != lua.LTTable {
		return nil, fmt.Errorf("the script must return a table, not %s", result.Type())
	}
	return luajson.Encode(result)
}

func open(state *lua.LState, name string, function lua.LGFunction) {
	state.Push(state.NewFunction(function))
	state.Push(lua.LString(name))
	state.Call(1, 0)
}

// openSafeOS leaves of the library `os` what tells the time.
func openSafeOS(state *lua.LState) int {
	lua.OpenOs(state)
	all := state.CheckTable(-1)
	safe := state.NewTable()
	for _, name := range safeOS {
		safe.RawSetString(name, all.RawGetString(name))
	}
	state.SetGlobal(lua.OsLibName, safe)
	state.Push(safe)
	return 1
}
